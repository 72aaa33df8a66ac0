"""Commands are run many times on the same small logs."""

import pytest


@pytest.fixture(autouse=True)
def _share(shared_features):
    pass
