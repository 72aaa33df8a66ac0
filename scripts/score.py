"""Score the customers of a log: ``python scripts/score.py data=file data.path=orders.csv``; see ``--help``."""

import sys

from clv_experiments.commands.cli.applications import score

if __name__ == "__main__":
    sys.exit(score())
