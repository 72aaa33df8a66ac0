"""``clv``: one command for all that can be done; ``clv train model=xgboost``, ``clv --help``."""

from __future__ import annotations

import os
import sys

from clv_experiments import __version__
from clv_experiments.errors import suggest

COMMANDS = {
    "train": "run an experiment: one model, one log, one window",
    "leaderboard": "compare the models of a cell, with intervals and ties",
    "sweep": "search a model's settings, never on the holdout",
    "score": "write one row a customer: what to expect, and what to do",
    "insights": "write the report that a shop reads",
    "export": "write a BTYD model as SQL, which forecasts where the data is",
    "cell": "write what is to be predicted, and what may be known of it, for tools elsewhere",
    "submit": "put predictions made elsewhere on the leaderboard",
    "promote": "make the winner of a leaderboard the champion",
    "rerun": "make a run again, and say whether every metric is the same",
    "doctor": "say what is wrong with kept runs, and mend it if asked to",
    "ui": "open the MLflow UI on the runs made here",
    "benchmark": "measure time and memory here, and accuracy beside other tools",
}
HELP = f"""clv {__version__}: customer lifetime value, BTYD and machine learning compared on equal terms

Usage
  clv <command> [choice=option ...] [any.key=value ...]

Commands
{chr(10).join(f"  {name:<13}{what}" for name, what in COMMANDS.items())}

Examples
  clv train                                        the default, three months ahead, on CDNOW
  clv train data.path=orders.csv window=3m         your own log
  clv leaderboard data=cdnow window=3m --fill      all models side by side; runs what is missing
  clv score data.path=orders.csv window=3m         a scored customer list

clv <command> --help lists all choices of a command; options of your own are read from conf/ in the working folder.
eval "$(clv -sc install=bash)" completes commands and settings in bash (zsh and fish likewise).
"""


def main() -> int:
    """Run the command that was typed. Gives the exit status: 0, 1 after an error, 130 after an interrupt."""
    typed = sys.argv[1:]
    if not typed or typed[0] in ("-h", "--help", "help"):
        sys.stdout.write(HELP)
        return 0
    if typed[0] in ("--version", "-V", "version"):
        sys.stdout.write(f"clv-experiments {__version__}\n")
        return 0
    if typed[0] in ("-sc", "--shell-completion"):
        return _run_shell_completion(typed)
    if typed[0] not in COMMANDS:
        sys.stderr.write(f"error: there is no command '{typed[0]}'; {suggest(typed[0], COMMANDS)}\n")
        return 1
    del sys.argv[1]
    return _run_command(typed[0])


def _run_command(command: str) -> int:
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a user's own models and features, as python -m would find them
    if command == "ui":
        from clv_experiments.commands.ui import open_ui

        return open_ui(sys.argv[1:])
    if command == "benchmark":
        from clv_experiments.commands.benchmark import run_benchmarks

        return run_benchmarks()
    from clv_experiments.commands.cli import applications

    return getattr(applications, command)()


def _run_shell_completion(typed: list[str]) -> int:
    """Hand the shell's question on to the command that it is about, which then stands where ``clv`` stood."""
    words = os.environ.get("COMP_LINE", "").split()
    if typed[1:] and typed[1].startswith("query=") and (len(words) < 2 or words[1] not in COMMANDS):
        sys.stdout.write(" ".join(COMMANDS) + "\n")
        return 0
    command = words[1] if len(words) > 1 and words[1] in COMMANDS else "train"
    line = os.environ.get("COMP_LINE", "")
    os.environ["COMP_LINE"] = line.replace(f" {command}", "", 1)
    return 0 if command in ("ui", "benchmark") else _run_command(command)


if __name__ == "__main__":
    sys.exit(main())
