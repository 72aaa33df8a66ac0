"""No secret on the terminal or in a log, whoever writes: this program, Hydra, a library or a traceback."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from hydra.core.hydra_config import HydraConfig

from clv_experiments.errors import mask_secrets, remember_secrets_in_environment

TRACEBACKS = logging.Formatter()


class MaskedStream:
    """A text stream that masks what is written to it; in all else the stream below it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text without its secrets; gives its length, as a stream does."""
        self.stream.write(mask_secrets(text))
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        """Write lines without their secrets."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def masked_output() -> Iterator[None]:
    """Mask secrets in output, errors and log records of this process while the block runs."""
    remember_secrets_in_environment(os.environ)
    stdout, stderr, make_record = sys.stdout, sys.stderr, logging.getLogRecordFactory()

    def make_masked_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        record.msg, record.args = mask_secrets(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = mask_secrets(TRACEBACKS.formatException(record.exc_info))  # which a formatter then takes
        return record

    sys.stdout, sys.stderr = MaskedStream(stdout), MaskedStream(stderr)
    logging.setLogRecordFactory(make_masked_record)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = stdout, stderr
        logging.setLogRecordFactory(make_record)


def mask_hydra_files() -> None:
    """Mask what Hydra has written of a job before it starts: the composed config and, of a multirun, its overrides."""
    hydra = HydraConfig.get()
    files = [Path(hydra.sweep.dir, "multirun.yaml")]
    if hydra.output_subdir is not None:
        files += Path(hydra.runtime.output_dir, hydra.output_subdir).glob("*.yaml")
    for file in filter(Path.is_file, files):
        text = file.read_text(encoding="utf-8")
        masked = mask_secrets(text)
        if masked != text:
            part = file.with_name(f".{os.getpid()}.{file.name}")
            part.write_text(masked, encoding="utf-8")
            part.replace(file)
