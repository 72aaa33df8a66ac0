"""What the README promises happens: its output, its five lines of Python and its five of shell."""

import re
import sys

import pytest
from shown_pages import blocks, read

import clv_experiments as clv

pytestmark = pytest.mark.slow


@pytest.fixture
def orders(work):
    """A small ``orders.csv`` in the working folder."""
    days = clv.read_log("cdnow_sample").purchase_days
    days[days["customer_id"].astype(int) % 3 == 0].to_csv("orders.csv", index=False)
    return work


def test_the_run_ends_as_shown(run_script):
    (shown,) = [body for body in blocks(read("README.md"), "") if body.startswith("holdout ")]
    status, stdout, stderr = run_script("train.py", "model=xgboost", "window=3m", "tracking=memory")
    assert status == 0, stderr
    assert shown in stdout


def test_the_lines_of_python(orders, capsys):
    (program,) = blocks(read("README.md"), "python")
    names = {}
    exec(program, names)
    assert "on D2" in capsys.readouterr().out
    assert len(names["scores"]) == names["log"].customers


def test_the_lines_of_shell(orders, run_process):
    (program,) = [body for body in blocks(read("README.md"), "") if "clv insights" in body]
    lines = [re.split(r"\s+#", line)[0] for line in program.splitlines()]
    assert [line.split()[1] for line in lines] == ["leaderboard", "train", "promote", "score", "insights"]
    few = "models=[mbg_nbd,linear]"  # all of them take minutes
    for line in lines:
        words = [*line.split()[1:], *([few] if re.search("leaderboard|promote", line) else [])]
        done = run_process([sys.executable, "-m", "clv_experiments.commands.cli.clv", *words], timeout=300)
        assert done.returncode == 0, (line, done.stderr)
    assert list((orders / "mlruns").rglob("scores.csv"))
    assert list((orders / "mlruns").rglob("insights.html"))
