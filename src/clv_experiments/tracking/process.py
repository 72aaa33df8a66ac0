"""Which process a run belongs to, and whether that process is still there."""

from __future__ import annotations

import os
import socket
import subprocess
from functools import cache
from pathlib import Path

PROC = Path("/proc")
START_FIELD = 19  # of /proc/<pid>/stat behind the name: clock ticks from boot to the start of the process


def identify_current_process() -> str:
    """Write ``<host> <pid> <start>`` of this process: no other process ever has all three."""
    return _identify_process(os.getpid())


def has_process_ended(process: str) -> bool | None:
    """Whether a process of ``identify_current_process`` has ended; None where that cannot be told from this machine."""
    host, _, rest = process.partition(" ")
    pid, _, start = rest.partition(" ")
    if host != socket.gethostname() or not pid.isdigit() or not start:
        return None
    return _read_start_time(int(pid)) != start


@cache
def _identify_process(pid: int) -> str:
    return f"{socket.gethostname()} {pid} {_read_start_time(pid)}"


def _read_start_time(pid: int) -> str:
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
