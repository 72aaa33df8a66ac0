"""A condition that the user types, such as ``status == 'complete' and qty > 0``: which raw rows are read at all.

The text becomes a syntax tree, of which only comparisons of columns with values and their and, or and not are taken:
nothing in it is executed, and no part of it reaches a database as text.
"""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches

from clv_experiments.errors import ClvError

TOKEN = re.compile(
    r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|`([^`]+)`|([^\W\d]\w*)|(<>|[=!<>]=|=)|(\d[\d_.eE]*|\s+|.)""", re.S
)
KEYWORDS = {
    "and": "and",
    "or": "or",
    "not": "not",
    "in": "in",
    "is": "is",
    "null": "None",
    "none": "None",
    "true": "True",
    "false": "False",
}
OPERATORS = {"=": "==", "<>": "!="}
GRAMMAR = "compare columns with values by == != < <= > >= in, is null, and join comparisons by and, or, not"
MAX_LISTED = 20  # columns in a message


class ParsedCondition:
    """The syntax tree of a condition, in which columns have names of their own.

    Parameters
    ----------
    text : str
        As typed: column names with blanks in backticks, text in quotes.

    Attributes
    ----------
    text : str
    tree : ast.expr

    Raises
    ------
    ClvError
        If it cannot be read.
    """

    def __init__(self, text: str) -> None:
        self.text = " ".join(str(text).split())
        self._columns: list[str] = []
        source = "".join(self._translate(*match.groups()) for match in TOKEN.finditer(str(text).strip()))
        try:
            self.tree = ast.parse(" ".join(source.splitlines()), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            rest = source[max((getattr(error, "offset", None) or 1) - 1, 0) :] or source
            location = f" at {self._restore_column_names(rest)[:40]}" if rest.strip() else ""
            raise ClvError(f'data.where="{self.text}" cannot be read{location}; {GRAMMAR}') from None

    def original_name(self, node: ast.Name) -> str:
        """Return the column that a name in the tree stands for."""
        return self._columns[int(node.id.removeprefix("_column"))]

    def source_text(self, node: ast.AST) -> str:
        """Write a part of the tree as it was typed."""
        return self._restore_column_names(ast.unparse(node))

    def build_error(self, node: ast.AST, reason: str) -> ClvError:
        """Make the error that names a part of the condition."""
        return ClvError(f"data.where has {self.source_text(node)}: {reason}")

    def check_column(self, node: ast.Name, available: list[str]) -> str:
        """Return the column of a name.

        Raises
        ------
        ClvError
            If the log has no such column.
        """
        column = self.original_name(node)
        if column in available:
            return column
        lower = {name.lower(): name for name in available}
        near = [lower[name] for name in get_close_matches(column.lower(), list(lower), n=2, cutoff=0.6)]
        rest = ", ..." if len(available) > MAX_LISTED else ""
        listed = ", ".join(map(quote_name, available[:MAX_LISTED])) + rest
        hint = f"did you mean {' or '.join(map(quote_name, near))}?" if near else f"there are {listed}"
        raise ClvError(f"data.where names a column {quote_name(column)}, which the log has not; {hint}")

    def _translate(self, string: str, quoted: str, word: str, operator: str, rest: str) -> str:
        if string is not None:
            return repr(string[1:-1].replace(string[0] * 2, string[0]))
        if word is not None and word.lower() in KEYWORDS:
            return KEYWORDS[word.lower()]
        if quoted is not None or word is not None:
            self._columns.append(quoted if word is None else word)
            return f"_column{len(self._columns) - 1}"
        return OPERATORS.get(operator, operator) if operator is not None else rest

    def _restore_column_names(self, source: str) -> str:
        return re.sub(r"_column(\d+)", lambda match: quote_name(self._columns[int(match[1])]), source)


def quote_name(column: str) -> str:
    """Write a column's name as a condition has it."""
    is_word = re.fullmatch(r"[^\W\d]\w*", column) and column.lower() not in KEYWORDS
    return column if is_word else f"`{column}`"
