"""Check that every column of a file has a name, that names differ, and that stacked files agree."""

from __future__ import annotations

from collections.abc import Sequence

from clv_experiments.errors import ClvError


def check_header(names: Sequence[str], where: str) -> None:
    """Refuse a header in which a column has no name or two have the same.

    Parameters
    ----------
    names : sequence of str
        Names of the columns, in order.
    where : str
        The file, or the sheet of a workbook, for messages.

    Raises
    ------
    ClvError
        If a name is blank, or two differ in case at most, which no engine tells apart.
    """
    seen: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise ClvError(f"column {position} of {where} has no name; the first line must name every column")
        other = seen.get(name.lower())
        if other is not None:
            alike = f"named '{name}'" if other == name else f"'{other}' and '{name}', which differ in case only"
            raise ClvError(f"{where} has two columns {alike}: rename one of them")
        seen[name.lower()] = name


def check_same_header(names: Sequence[str], where: str, first: Sequence[str], first_where: str) -> None:
    """Refuse to stack files or sheets whose columns differ, or come in another order.

    Parameters
    ----------
    names : sequence of str
        Names of the columns, in order.
    where : str
        The file, or the sheet of a workbook, for messages.
    first, first_where
        The same of the first file, or sheet.

    Raises
    ------
    ClvError
        If they differ; the message lists the differences.
    """
    if list(names) == list(first):
        return
    additional = [f"'{name}'" for name in names if name not in first]
    missing = [f"'{name}'" for name in first if name not in names]
    differences = [f"lacks {', '.join(missing)}"] if missing else []
    differences += [f"has {', '.join(additional)} besides"] if additional else []
    raise ClvError(
        f"{where} does not have the columns of {first_where}: it "
        f"{' and '.join(differences) or 'has them in another order'}; only what has the "
        "same columns in the same order can be stacked"
    )
