"""Which process a run belongs to, and whether that process is still there."""

from __future__ import annotations

import os
import socket
import subprocess
from functools import cache
from pathlib import Path

PROC = Path("/proc")
START_FIELD = 19  # of /proc/<pid>/stat behind the name: clock ticks from boot to the start of the process


def current_process() -> str:
    """Write ``<host> <pid> <start>`` of this process: no other process ever has all three."""
    return _describe(os.getpid())


def is_gone(process: str) -> bool | None:
    """Whether a process of ``current_process`` has ended; None where that cannot be told from this machine."""
    host, _, rest = process.partition(" ")
    pid, _, start = rest.partition(" ")
    if host != socket.gethostname() or not pid.isdigit() or not start:
        return None
    return _start(int(pid)) != start


@cache
def _describe(pid: int) -> str:
    return f"{socket.gethostname()} {pid} {_start(pid)}"


def _start(pid: int) -> str:
    """Return when a process began, in whatever unit the system has; empty where there is none."""
    if (PROC / "self" / "stat").exists():
        try:
            return (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[START_FIELD]
        except (OSError, IndexError):
            return ""
    try:
        listed = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return "-".join(listed.stdout.split())
