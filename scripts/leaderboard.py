"""Compare the tracked runs of all models: ``python scripts/leaderboard.py data=cdnow window=3m``; see ``--help``."""

import sys

from clv_experiments.commands.cli.applications import leaderboard

if __name__ == "__main__":
    sys.exit(leaderboard())
