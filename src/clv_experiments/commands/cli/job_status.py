"""What the processes of one multirun tell each other through a folder: what failed, what is under way, and to stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FAILURES = "failures"
STOP = "stop"
JOB_SUFFIX = ".job"
STOP_TIMEOUT = 30.0  # seconds that a worker has to mark its run as interrupted; a busy machine took more than ten


class JobStatusFolder:
    """A folder that a command shares with the workers it starts.

    Parameters
    ----------
    folder : Path
        Exists, and belongs to this command alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add_failure(self, message: str) -> None:
        """Note that a job failed."""
        with (self.folder / FAILURES).open("a", encoding="utf-8") as file:
            file.write(f"{message}\n")

    @property
    def failures(self) -> list[str]:
        """The sentences noted so far, by whichever process."""
        path = self.folder / FAILURES
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    @contextmanager
    def mark_running(self, job: str) -> Iterator[None]:
        """Say what this process is busy with; what was killed in the middle is never taken back."""
        path = self.folder / f"{os.getpid()}{JOB_SUFFIX}"
        path.write_text(job, encoding="utf-8")
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def unfinished_jobs(self) -> list[str]:
        """List what is under way, or was killed."""
        return sorted(path.read_text(encoding="utf-8") for path in self.folder.glob(f"*{JOB_SUFFIX}"))

    @property
    def is_stopping(self) -> bool:
        """Whether no job should begin any more."""
        return (self.folder / STOP).exists()

    def stop_workers(self) -> None:
        """Interrupt all workers once, and wait until they have ended their runs or patience runs out."""
        (self.folder / STOP).touch()
        finished: set[int] = set()
        until = time.monotonic() + STOP_TIMEOUT
        while (busy := self._recorded_worker_pids() - finished) and time.monotonic() < until:
            for worker in busy:  # which ignores it the second time
                try:
                    os.kill(worker, signal.SIGINT)
                except ProcessLookupError:  # it was killed
                    finished.add(worker)
            time.sleep(0.05)

    def _recorded_worker_pids(self) -> set[int]:
        return {int(path.stem) for path in self.folder.glob(f"*{JOB_SUFFIX}")}
