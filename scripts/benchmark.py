"""Measure what a user waits for, and the default's accuracy beside other tools: see ``--help``."""

import sys

from clv_experiments.commands.benchmark import run_benchmarks

if __name__ == "__main__":
    sys.exit(run_benchmarks())
