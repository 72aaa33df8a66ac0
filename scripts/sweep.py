"""Search the settings of a model, never on the holdout: ``python scripts/sweep.py model=xgboost``; see ``--help``."""

import sys

from clv_experiments.commands.cli.applications import sweep

if __name__ == "__main__":
    sys.exit(sweep())
