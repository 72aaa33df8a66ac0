"""The command line of ``clv benchmark``."""

from __future__ import annotations

import argparse
from collections.abc import Collection


def parse_arguments(description: str, parts: Collection[str], long_parts: Collection[str]) -> argparse.Namespace:
    """Read the command line: which parts, and their settings; the long parts run only where they are named."""
    parser = argparse.ArgumentParser(
        prog="clv benchmark", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ", ".join([*parts, *long_parts])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{names}; default: all but {', '.join(long_parts)}")
    parser.add_argument("--data", default="online_retail_ii", help="which log the files of 'read' hold")
    parser.add_argument("--files", nargs="*", default=[], help="files for 'read', which has nothing to do without")
    parser.add_argument("--customers", nargs="+", type=_parse_count, help="how many, of 'scale' and 'speed'")
    load = parser.add_argument_group("of 'load'")
    load.add_argument("--processes", type=int, default=8, help="that write at once")
    load.add_argument("--runs", type=int, default=50, help="of each process")
    load.add_argument("--store", default="", help="folder, or address of a tracking server; default: a new folder")
    speed = parser.add_argument_group("of 'speed'")
    speed.add_argument(
        "--lines", nargs="+", type=_parse_count, default=[100_000, 1_000_000, 10_000_000], help="order lines"
    )
    speed.add_argument(
        "--tasks", nargs="+", default=[], help="features, fit_bg_nbd, fit_gamma_gamma, fit_pareto_nbd; default: all"
    )
    speed.add_argument("--repeats", type=int, default=3, help="runs of each, of which the median counts")
    accuracy = parser.add_argument_group("of 'accuracy'")
    accuracy.add_argument(
        "--logs", nargs="+", default=["data=cdnow", "data=online_retail_ii"],
        help="settings of train.py for each log, such as 'data=online_retail_ii data.path=ii.parquet'",
    )  # fmt: skip
    accuracy.add_argument("--time-budget", type=float, default=60.0, help="seconds of a search at each origin")
    tools = parser.add_argument_group("of 'speed' and 'accuracy'")
    tools.add_argument("--tools", nargs="*", default=[], help="folders below examples/; default: all")
    tools.add_argument("--python", nargs="*", default=[], help="where tools are installed: flaml=flaml/bin/python")
    tools.add_argument("--time-limit", type=float, default=900.0, help="seconds after which a process is ended")
    tools.add_argument("--output", default="docs", help="folder of the page, its table and its picture")
    arguments = parser.parse_args()
    for name in arguments.parts:
        if name not in (*parts, *long_parts):
            parser.error(f"no part '{name}'; there are {names}")
    if pair := next((pair for pair in arguments.python if "=" not in pair), None):
        parser.error(f"--python takes a tool and its interpreter, such as flaml=flaml/bin/python, got '{pair}'")
    return arguments


def _parse_count(text: str) -> int:
    """Read a whole number, also as 1e6."""
    return int(float(text))
