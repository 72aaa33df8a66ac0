"""Options as their files say now, of which none is read twice for nothing."""

import os

import pytest
from omegaconf import OmegaConf, ReadonlyConfigError

from clv_experiments.config.conf_folders import read_options


def test_options_are_read_once_until_a_file_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "conf" / "model" / "mine.yaml"
    file.parent.mkdir(parents=True)

    def mine():
        return next(option for option in read_options("model") if option.name == "mine")

    file.write_text("defaults: [zeros]\nname: mine\n")
    first = mine()
    with monkeypatch.context() as patch:
        patch.delattr(OmegaConf, "load")
        assert mine().family == first.family == "baseline"
    with pytest.raises(ReadonlyConfigError):
        first.family = "ml"
    changed = file.stat().st_mtime_ns + 10**9
    file.write_text("defaults: [zeros]\nname: mine\nfamily: ml\n")
    os.utime(file, ns=(changed, changed))
    assert mine().family == "ml"
