"""Write the report that a shop reads: ``python scripts/insights.py data=cdnow window=3m``; see ``--help``."""

import sys

from clv_experiments.commands.cli.applications import insights

if __name__ == "__main__":
    sys.exit(insights())
