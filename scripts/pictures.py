"""Make the pictures of README and documentation, each from a command that anybody can type; none is made by hand.

python scripts/pictures.py                           all of them, into docs/images (ten minutes)
python scripts/pictures.py board report              some: terminal, board, report, mlflow, splits, house
python scripts/pictures.py board --folder /tmp/runs  keeps the runs there, and takes up what is there
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from html import escape
from pathlib import Path

from mlflow_pages import ROOT, list_pages, make_runs, opened_browser, served, visit
from PIL import Image
from rich.console import Console
from rich.text import Text

IMAGES = ROOT / "docs" / "images"
LARGEST = 200_000  # bytes of a picture
SCREEN_WIDTH, SCREEN_HEIGHT = 1280, 800
TERMINAL_WIDTH = 118
FLOORS = [  # packages and modules of src/clv_experiments, the upper ones import the lower ones: tests/test_layers.py
    [("commands", "what can be typed; api/ for notebooks")],
    [("config", "settings to typed values")],
    [("decisions", "scores, budget, report"), ("sweep", "Optuna studies")],
    [("comparison", "boards: intervals, ties, checks")],
    [("forecasting", "what each family may see")],
    [("data", "sources, cleaning, log"), ("features", "at a cutoff"), ("models", "one a file"),
     ("evaluation", "scores"), ("tracking", "MLflow")],
    [("reporting", "all that people read: records, prose, pages, pictures")],
    [("errors", "what users can cause, in one sentence; what is masked")],
]  # fmt: skip


def picture_terminal(folder: Path) -> None:
    """Show what the main job prints."""
    command = ["model=xgboost", "window=3m"]
    output = _run(folder, "train.py", *command)
    console = Console(record=True, width=TERMINAL_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ make train", style="bold green"))
    console.print(Text(output.strip()))
    svg = console.export_svg(title="make train", unique_id="terminal")
    (IMAGES / "terminal.svg").write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")


def picture_board(folder: Path) -> None:
    """Show the first screen of the board of all models on CDNOW."""
    _run(folder, "scripts/leaderboard.py", "data=cdnow", "window=3m", "--fill")
    _photograph(_newest(folder, "leaderboard.html"), "board", height=1280)  # with the first models of the table


def picture_report(folder: Path) -> None:
    """Show the first screen of the shop's report on CDNOW."""
    _run(folder, "scripts/insights.py", "data=cdnow", "window=3m", "model=blend")
    _photograph(_newest(folder, "insights.html"), "report")


def picture_mlflow(folder: Path) -> None:
    """Show the pages of MLflow that the tests open too."""
    store = folder / "pages"
    if not store.exists():
        store.mkdir()
        make_runs(store)
    with served(store / "mlruns") as address, opened_browser() as window:
        for name, page in list_pages(store / "mlruns").items():
            visit(window, address, page)
            window.wait_for_timeout(1500)  # until charts have been drawn
            _shrink(window.screenshot(), f"mlflow_{name}")


def picture_splits(folder: Path) -> None:
    """Draw 500 random splits of Online Retail; its file may lie in CLV_DATA_DIR."""
    data = os.environ.get("CLV_DATA_DIR")
    path = ["data=online_retail", f"data.path={data}/online_retail.parquet"] if data else []
    _run(folder, "train.py", "experiment=quarterly_linear", *path)
    shutil.copy(_newest(folder, "splits.png"), IMAGES / "splits.png")


def picture_house(_: Path) -> None:
    """Draw the packages as floors of a house."""
    width, height, gap, top = 960, 62, 8, 70
    missing = {name for floor in FLOORS for name, _ in floor} ^ {
        path.stem
        for path in (ROOT / "src" / "clv_experiments").iterdir()
        if (path / "__init__.py").is_file() or (path.suffix == ".py" and path.stem != "__init__")
    }
    if missing:
        raise SystemExit(f"the house and src/clv_experiments differ in {', '.join(sorted(missing))}")
    parts = [f'<path d="M0 {top - gap} L{width / 2} 4 L{width} {top - gap} Z" class="roof"/>']
    parts.append(f'<text x="{width / 2}" y="{top - 22}" class="name">clv_experiments</text>')
    for level, floor in enumerate(FLOORS):
        room = (width - gap * (len(floor) - 1)) / len(floor)
        for number, (name, text) in enumerate(floor):
            x, y = number * (room + gap), top + level * (height + gap)
            parts.append(f'<rect x="{x:.0f}" y="{y}" width="{room:.0f}" height="{height}" rx="6" class="room"/>')
            middle = f'x="{x + room / 2:.0f}"'
            parts.append(f'<text {middle} y="{y + 26}" class="name">{name}</text>')
            parts.append(f'<text {middle} y="{y + 47}" class="what">{escape(text)}</text>')
    style = (
        "text{font-family:sans-serif;text-anchor:middle;fill:#1b2a38}.name{font-weight:bold;font-size:17px}"
        ".what{font-size:14px}.room{fill:#eaf1f6;stroke:#5b7f99}.roof{fill:#d5e3ec;stroke:#5b7f99}"
    )
    bottom = top + len(FLOORS) * (height + gap)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 0 {width + 4} {bottom}" role="img">'
    text = "\n".join([head, f"<style>{style}</style>", *parts, "</svg>"])
    (IMAGES / "house.svg").write_text(text + "\n", encoding="utf-8")


PICTURES: dict[str, Callable[[Path], None]] = {
    "terminal": picture_terminal,
    "board": picture_board,
    "report": picture_report,
    "mlflow": picture_mlflow,
    "splits": picture_splits,
    "house": picture_house,
}


def _run(folder: Path, script: str, *settings: str) -> str:
    """Run a script of the project in a folder; gives what it printed."""
    environment = os.environ | {"COLUMNS": str(TERMINAL_WIDTH)}
    command = [sys.executable, str(ROOT / script), *settings]
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(settings)} ends with: {done.stderr.strip()}")
    return done.stdout


def _newest(folder: Path, name: str) -> Path:
    return max(folder.rglob(name), key=lambda path: path.stat().st_mtime)


def _photograph(page: Path, name: str, height: int = SCREEN_HEIGHT) -> None:
    """Write the first screen of a page that lies in a file; ``height`` in pixels."""
    with opened_browser() as window:
        window.set_viewport_size({"width": SCREEN_WIDTH, "height": height})
        window.goto(page.resolve().as_uri())
        window.wait_for_timeout(1000)  # until it has drawn itself
        _shrink(window.screenshot(), name)


def _shrink(png: bytes, name: str) -> None:
    """Write a picture with 256 colours, which screens of text do not miss."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)  # keeps pale bands apart
    image.save(IMAGES / f"{name}.png", optimize=True)


def main() -> None:
    """Make the pictures that are asked for, and refuse one that is too large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *PICTURES], metavar="picture", help=", ".join(PICTURES))
    parser.add_argument("--folder", type=Path, help="where runs are made and kept; by default they are thrown away")
    arguments = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in arguments.names or PICTURES:
            sys.stdout.write(f"{name}\n")
            PICTURES[name](folder)
    large = [path.name for path in IMAGES.iterdir() if path.stat().st_size > LARGEST]
    if large:
        raise SystemExit(f"larger than {LARGEST // 1000} kB: {', '.join(large)}")


if __name__ == "__main__":
    main()
