"""Write docs/licences.md: version and licence of every package that this one needs, as it is installed."""

import json
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PAGE = Path(__file__).resolve().parents[1] / "docs" / "licences.md"
HEAD = """# Licences of what is installed with the package

Written by `make licences`, of the versions that are installed; the package itself is under the
[MIT licence](https://opensource.org/license/mit). What the extras bring is not listed.

| package | version | licence |
|---|---|---|
"""


def needed(name: str, extras: frozenset[str] = frozenset(), seen: set[str] | None = None) -> set[str]:
    """List the packages that one needs, directly or not, on this system."""
    seen = set() if seen is None else seen
    for line in distribution(name).requires or []:
        requirement = Requirement(line)
        marker = requirement.marker
        applies = marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})
        package = canonicalize_name(requirement.name)
        if applies and package not in seen:
            seen.add(package)
            needed(package, frozenset(requirement.extras), seen)
    return seen


def licence(row: dict[str, str]) -> str:
    """Name a licence; where a package's data do not, by its text."""
    name, text = row["License"], row["LicenseText"].strip()
    if name == "UNKNOWN":
        name = "MIT" if "Permission is hereby granted, free of charge" in text else text.partition("\n")[0]
    return " ".join(name.split())


def main() -> None:
    """Write the page."""
    packages = needed("clv-experiments")
    options = ["--from=mixed", "--format=json", "--with-license-file", "--no-license-path", "--packages", *packages]
    done = subprocess.run([sys.executable, "-m", "piplicenses", *options], capture_output=True, text=True, check=True)
    rows = sorted(json.loads(done.stdout), key=lambda row: canonicalize_name(row["Name"]))
    lines = [f"| {row['Name']} | {row['Version']} | {licence(row)} |\n" for row in rows]
    PAGE.write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
