"""What every file of a log must hold to: columns that have a name each, and names that differ."""

from __future__ import annotations

from collections.abc import Sequence

from clv_experiments.errors import ClvError


def check_header(names: Sequence[str], where: str) -> None:
    """Refuse a header that leaves a column without a name or names two alike.

    Parameters
    ----------
    names : sequence of str
        Names of the columns, in order.
    where : str
        The file, or the sheet of a workbook, for messages.

    Raises
    ------
    ClvError
        If a name is blank, or two are the same but for upper and lower case, which no engine tells apart.
    """
    seen: dict[str, str] = {}
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise ClvError(f"column {place} of {where} has no name; the first line must name every column")
        other = seen.get(name.lower())
        if other is not None:
            alike = f"named '{name}'" if other == name else f"'{other}' and '{name}', which differ in case only"
            raise ClvError(f"{where} has two columns {alike}: rename one of them")
        seen[name.lower()] = name


def check_same_header(names: Sequence[str], where: str, first: Sequence[str], first_where: str) -> None:
    """Refuse to stack what has other columns, or the same in another order.

    Parameters
    ----------
    names, where
        Names of the columns and the file, or sheet, that they stand in.
    first, first_where
        The same of the first file, or sheet.

    Raises
    ------
    ClvError
        If they differ: says in what.
    """
    if list(names) == list(first):
        return
    more = [f"'{name}'" for name in names if name not in first]
    fewer = [f"'{name}'" for name in first if name not in names]
    said = [f"lacks {', '.join(fewer)}"] if fewer else []
    said += [f"has {', '.join(more)} besides"] if more else []
    raise ClvError(
        f"{where} does not have the columns of {first_where}: it {' and '.join(said) or 'has them in another order'}; "
        "only what has the same columns in the same order can be stacked"
    )
