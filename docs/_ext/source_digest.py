"""A digest of all that a tutorial calls, so that none shows what older code printed."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def source_digest() -> str:
    """Return a short hash of the package and its options."""
    digest = sha256()
    for path in sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.jinja"), *(ROOT / "conf").rglob("*")]):
        if path.is_file():
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
