"""MLflow's own pages in a browser: what a user sees of runs, models and studies."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings of mlflow and playwright
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "mlflow_pages.py"
NAMES = ["run_table", "run", "dataset", "compare", "models", "registry", "study"]


@pytest.fixture(scope="module")
def mlflow_pages():
    """The script that makes the pictures of the docs, where there is a browser for it."""
    pytest.importorskip("playwright", reason="playwright is not installed: pip install -e '.[browser]'")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no chromium or google-chrome on PATH")
    spec = importlib.util.spec_from_file_location("mlflow_pages", SCRIPT)
    module = sys.modules["mlflow_pages"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["mlflow_pages"]


@pytest.fixture(scope="module")
def pages(mlflow_pages, tmp_path_factory):
    """A window on a served store of runs: the pages by name, and what opens one."""
    folder = tmp_path_factory.mktemp("pages")
    mlflow_pages.make_runs(folder)
    listed = mlflow_pages.list_pages(folder / "mlruns")
    with mlflow_pages.served(folder / "mlruns") as address, mlflow_pages.opened_browser() as window:
        yield listed, window, lambda page: mlflow_pages.visit(window, address, page)


def test_every_page_is_tested(pages):
    assert list(pages[0]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_what_it_should(pages, name):
    listed, window, visit = pages
    visit(listed[name])
    text = window.locator("body").inner_text()
    assert "_target_" not in text
    if name == "run_table":
        assert "leaderboard" not in text.replace("leaderboard.py", ""), "boards are no evaluated models"
    if name == "run":
        assert text.index("holdout_d2_tweedie") < text.index("holdout_predicted_total"), "the objective comes first"
    if name in ("compare", "study"):
        assert "_customers" not in text.replace("top_customers", "")


def test_a_page_that_does_not_show_something_is_noticed(pages, mlflow_pages, monkeypatch):
    from playwright.sync_api import TimeoutError as NotShown

    listed, _, visit = pages
    monkeypatch.setattr(mlflow_pages, "PATIENCE", 3000)
    with pytest.raises(NotShown):
        visit(mlflow_pages.Page(listed["run"].path, ("no such text anywhere",)))
