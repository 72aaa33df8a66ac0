"""Keep passwords out of messages, parameters and logged files."""

from __future__ import annotations

import re
from urllib.parse import unquote

# scheme://user:secret@host; the secret may hold an unencoded @, / or blank, so it ends at the last @ of the line, or at
# the last one before another address. Neither pattern begins with a repetition: long text would take for ever.
IN_ADDRESS = re.compile(r"((?<=[\w+.-])://[^\s:/@'\"]*:)((?:(?!://).)*)(?=@)")
IN_QUERY = re.compile(
    r"(?i)((?:password|passwd|passphrase|pwd|token|secret|api_?key)\s*=\s*)('[^']*'|\"[^\"]*\"|[^&\s'\";,]+)"
)


def mask_password(text: str) -> str:
    """Replace the passwords of addresses and connection strings by ``***``.

    Examples
    --------
    >>> mask_password("postgresql://ann:sesame@db.example/shop")
    'postgresql://ann:***@db.example/shop'
    >>> mask_password("mssql://db/shop?user=ann&password=sesame")
    'mssql://db/shop?user=ann&password=***'
    """
    return IN_QUERY.sub(r"\1***", IN_ADDRESS.sub(r"\1***", text))


def find_passwords(connection: str) -> set[str]:
    """Find what ``mask_password`` masks, as written and decoded: a driver may quote the password alone."""
    passwords = [match[2] for match in IN_ADDRESS.finditer(connection)]
    passwords += [match[2].strip("'\"") for match in IN_QUERY.finditer(IN_ADDRESS.sub(r"\1***", connection))]
    return {form for password in passwords for form in (password, unquote(password)) if form}
