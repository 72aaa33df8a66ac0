"""Text that a terminal shows and does not act upon."""

from __future__ import annotations

# What steers a terminal, but for a tab and a new line, and what turns the direction of writing.
CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def strip_control_characters(text: str) -> str:
    r"""Take out what a terminal would act upon: a name may come from a store that others write to.

    Examples
    --------
    >>> strip_control_characters("a\x1b[31mred\x07")
    'a[31mred'
    """
    return text.translate(CONTROLS)
