"""Tables as Excel workbooks in which text is text: nothing in a cell runs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from clv_experiments.errors import ClvError

UNPRINTABLE = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"  # what a workbook cannot hold
MAX_WIDTH = 45  # letters of a column


def require_excel_writer(setting: str) -> None:
    """Refuse a setting that asks for workbooks where nothing is installed that writes them.

    Raises
    ------
    ClvError
        Names the setting, and what to install.
    """
    if find_spec("openpyxl") is None:
        raise ClvError(f"{setting} needs openpyxl, which is not installed: type pip install 'clv-experiments[excel]'")


def write_excel_without_index(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame without its index as one sheet, headings and first column in sight while it scrolls."""
    texts = frame.select_dtypes(["object", "str"]).columns
    clean = frame.assign(**{name: frame[name].replace(UNPRINTABLE, " ", regex=True) for name in texts})
    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        clean.to_excel(writer, index=False, sheet_name=path.stem.split(".")[-1][:31], freeze_panes=(1, 1))
        (sheet,) = writer.sheets.values()
        for column in sheet.columns:
            for cell in column:
                if cell.data_type == "f":
                    cell.data_type = "s"
                elif cell.is_date:
                    cell.number_format = "yyyy-mm-dd"
            longest = max(len(str(cell.value)) for cell in column[:200])
            sheet.column_dimensions[column[0].column_letter].width = min(longest + 2, MAX_WIDTH)
