"""Run one experiment: ``python train.py model=xgboost window=3m``; ``python train.py --help`` lists the choices."""

import sys

from clv_experiments.commands.cli.applications import train

if __name__ == "__main__":
    sys.exit(train())
