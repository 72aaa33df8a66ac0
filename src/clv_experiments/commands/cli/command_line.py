"""Errors as a person wants them: one sentence on the terminal, a non-zero exit, no traceback unless asked for."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from traceback import print_exc, walk_tb
from typing import Any

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException, ValidationError

import clv_experiments.config  # noqa: F401 - registers what conf/ calls, for --cfg job --resolve too
from clv_experiments import __version__
from clv_experiments.commands.cli.choices import render_help
from clv_experiments.commands.cli.job_status import JobStatusFolder
from clv_experiments.commands.cli.masked_output import masked_output
from clv_experiments.commands.cli.overrides import translate_arguments
from clv_experiments.commands.cli.temporary_files import use_temporary_folder
from clv_experiments.commands.cli.typed_secrets import get_unresolved_job_overrides, restore_and_mask_override
from clv_experiments.config.conf_folders import find_ignored_user_options, user_conf_folder
from clv_experiments.config.setting_kinds import KINDS, format_shortened
from clv_experiments.errors import ClvError, error_chain, mask_secrets, suggest
from clv_experiments.reporting.disk_errors import describe_full_disk, is_disk_full
from clv_experiments.reporting.plain_text import strip_control_characters
from clv_experiments.tracking.environment_variables import temporary_environment
from clv_experiments.tracking.interrupts import list_stop_signals, redelivered_interrupts

TRACEBACK = "HYDRA_FULL_ERROR"  # where it is set, Hydra hands its errors on instead of printing them in its own way
WARNING_FILTERS = "PYTHONWARNINGS"
INTERRUPTED = 130
INTERRUPTED_RUN_NOTE = "a run that was cut short stays in MLflow, marked FAILED"
END_TIMEOUT = 20.0  # seconds that the interpreter has to end before the system ends it
LONG_WORD = re.compile(r"\S{400,}")


class CommandLine:
    """What a script's jobs say when they fail, and the exit status that follows; jobs may run in worker processes.

    Parameters
    ----------
    config_name : str
        The file of ``conf/`` that the script composes.

    Attributes
    ----------
    interrupted : bool
        Whether somebody, or a scheduler, asked to stop.
    """

    def __init__(self, config_name: str = "config") -> None:
        self.config_name = config_name
        self.interrupted = False
        self.failures: list[str] = []
        self.shows_traceback = os.environ.get(TRACEBACK) == "1"
        self.process = os.getpid()

    def run(self, main: Callable[[], Any]) -> int:
        """Run a Hydra application; gives the exit status: 0, 1 after an error, 130 after an interrupt."""
        variables = {TRACEBACK: "1", WARNING_FILTERS: _list_warning_filters()}
        with masked_output(), temporary_environment(variables):
            try:
                return self._run(main)
            except Exception:  # whatever it is: its traceback is printed here, where secrets are masked, or it goes on
                if not self.shows_traceback:
                    raise
                print_exc()
                return 1

    def _run(self, main: Callable[[], Any]) -> int:
        try:
            with redelivered_interrupts(), use_temporary_folder() as folder:
                self.status = JobStatusFolder(folder)
                self._handle_signals()
                with self._print_and_record_errors():
                    self._translate_sys_argv()
                    if "--version" in sys.argv:
                        _print_text(f"clv-experiments {__version__}\n")
                        return 0
                    if {"--help", "-h"} & set(sys.argv):
                        _print_text(f"{render_help(self.config_name)}\n")
                        return 0
                    main()
                return 1 if self.failed else 0
        except KeyboardInterrupt as interrupt:
            sys.stderr.write(f"interrupted; {'; '.join(_collect_notes(interrupt)) or INTERRUPTED_RUN_NOTE}\n")
            return INTERRUPTED
        except OSError as error:  # no temporary folder can be made
            sys.stderr.write(f"error: {format_error(error)}\n")
            return 1
        finally:
            self._stop_handling_signals()

    def _translate_sys_argv(self) -> None:
        """Let Hydra see what was meant, and say where that is not what was typed."""
        arguments = translate_arguments(sys.argv[1:], self.config_name)
        folder = user_conf_folder()
        sys.argv[1:] = [*(["--config-dir", str(folder)] if folder else []), *arguments.overrides_and_options]
        for file in find_ignored_user_options():
            _print_text(
                f"note: {file} is not read, since an option of its name comes with the package; give it another\n"
            )
        for note in arguments.notes:
            _print_text(f"note: {note}\n")

    @property
    def failed(self) -> bool:
        """Whether any job failed so far."""
        return bool(self.failures or self.status.failures)

    @contextmanager
    def run_job(self) -> Iterator[None]:
        """Say in one sentence what goes wrong inside and go on after it: one job of a multirun can fail alone.

        In a worker, what the job prints comes as one block when it ends, so that the lines of two do not mix.
        """
        if os.getpid() == self.process:
            with self._print_and_record_errors():
                yield
            return
        self._handle_signals()
        with masked_output(), redelivered_interrupts():
            yield from self._buffer_job_output()

    def _buffer_job_output(self) -> Iterator[None]:
        if self.status.is_stopping:
            raise KeyboardInterrupt
        name, output = " ".join(map(restore_and_mask_override, get_unresolved_job_overrides())), StringIO()
        _print_text(f"started: {name}\n")
        try:
            with self.status.mark_running(name), redirect_stdout(output), self._print_and_record_errors(f"{name}: "):
                yield
        finally:
            _print_text(f"\n{name}\n{output.getvalue()}")

    @contextmanager
    def _print_and_record_errors(self, prefix: str = "") -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if self.interrupted:  # which a library may report as an error of its own, as DuckDB does
                raise KeyboardInterrupt from error
            if self.shows_traceback:
                raise
            message = _describe_killed_worker(error, self.status.unfinished_jobs()) or format_error(error)
            sys.stderr.write(f"error: {prefix}{message}\n")
            if os.getpid() == self.process:
                self.failures.append(message)
            else:
                self.status.add_failure(message)

    def _handle_signals(self) -> None:
        for number in list_stop_signals():
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle_interrupt)

    def _stop_handling_signals(self) -> None:
        if self.interrupted and _has_workers():
            _ignore_stop_signals_until_exit()
            return
        for number in list_stop_signals():  # what ends now has nothing left to lose
            if signal.getsignal(number) == self._handle_interrupt:
                signal.signal(number, signal.SIG_DFL)

    def _handle_interrupt(self, *_: object) -> None:
        again, self.interrupted = self.interrupted, True
        if os.getpid() == self.process:
            if again and _has_workers():
                return  # they are marking their runs, for seconds at most, or are ended
            if not again:
                self.status.stop_workers()
        elif again:
            return  # Ctrl-C reaches a worker from the terminal and from the command that started it
        raise KeyboardInterrupt


def _list_warning_filters() -> str:
    """Return the filters that are set and one more, for joblib's resource tracker, a process of its own.

    It removes the semaphores of workers that were stopped in the middle of a fit: nothing is left behind by them.
    """
    return ",".join(filter(None, [os.environ.get(WARNING_FILTERS), "ignore:resource_tracker:UserWarning"]))


def _has_workers() -> bool:
    """Whether this process has started workers of joblib, as ``hydra/launcher=joblib`` does."""
    executors = sys.modules.get("joblib.externals.loky.reusable_executor")
    return executors is not None and executors._executor is not None


def _ignore_stop_signals_until_exit() -> None:
    """Let the interpreter remove what it shares with workers, semaphores and folders, whoever asks again to stop.

    Their library would complain of a signal in the middle of that.
    """
    for number in list_stop_signals():
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, END_TIMEOUT)


def _print_text(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def format_error(error: Exception) -> str:
    """Put an error in one sentence, without any password it may quote; what was typed at great length is shortened."""
    sentence = mask_secrets(" ".join("; ".join([_describe_error(error), *_collect_notes(error)]).split()))
    return LONG_WORD.sub(lambda word: format_shortened(word[0]), strip_control_characters(sentence))


def _describe_killed_worker(error: Exception, jobs: list[str]) -> str:
    """Say what a worker was doing that was killed from outside; nothing where the error is another."""
    from concurrent.futures.process import BrokenProcessPool

    if not isinstance(error, BrokenProcessPool):
        return ""
    return (
        f"a worker process was killed, perhaps since memory ran out, and the others with it, in the middle of "
        f"{' and '.join(jobs) or 'its start'}; runs that had ended are kept: add resume=true to run the rest, and "
        "hydra.launcher.n_jobs=1 if memory is short"
    )


def _describe_error(error: BaseException) -> str:
    for cause in _iterate_causes(error):
        if isinstance(cause, ClvError):
            return str(cause)
    if is_disk_full(error):
        return describe_full_disk(error, Path.cwd())
    key, parent = getattr(error.__cause__, "full_key", None), getattr(error.__cause__, "parent_node", None)
    if key and isinstance(parent, DictConfig) and not isinstance(error.__cause__, ValidationError):
        return _describe_unknown_setting(str(key), parent)
    if isinstance(error, MissingConfigException) and error.options:
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        return f"there is no {group}={option}; {suggest(option, list(error.options))}"
    if isinstance(error, OverrideParseException):
        key, _, value = str(error.override).partition("=")
        return f"cannot read '{error.override}' ({str(error).splitlines()[0]}); it must read \"{key}='{value}'\""
    if isinstance(error, OSError) and error.strerror:
        where = f" '{format_shortened(error.filename)}'" if error.filename else ""
        return f"the system refuses{where}: {error.strerror}"
    if isinstance(error, OmegaConfBaseException) or "hydra" in (
        _top_level_package(type(error).__module__),
        _find_raising_package(error),
    ):
        return str(error)
    return f"{type(error).__name__}: {error} (unexpected: set {TRACEBACK}=1 for the traceback, and report it)"


def _find_raising_package(error: BaseException) -> str:
    """Name the package whose code raised an error: what Hydra raises is about what was typed."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return _top_level_package(frames[-1].f_globals.get("__name__", "")) if frames else ""


def _top_level_package(module: str) -> str:
    return module.partition(".")[0]


def _describe_unknown_setting(key: str, parent: DictConfig) -> str:
    """Name what is there: in another place under the same name, else beside it."""
    last = key.rpartition(".")[2]
    if key in ("data.path", "data.table", "data.query", "data.connection"):
        return f"this log has no {key}, which is of one of your own; leave out data=<option> and type {key} alone"
    root = parent._get_root()
    assert isinstance(root, DictConfig)
    elsewhere = [full for full in dict.fromkeys([*KINDS, *_iterate_keys(root)]) if full.endswith(f".{last}")]
    elsewhere = [full for full in elsewhere if full.partition(".")[0] in root and "*" not in full]
    if elsewhere and "." not in key:
        return f"there is no setting {key}; did you mean {' or '.join(elsewhere[:3])}?"
    names = [str(name) for name in parent if name != "hydra"]
    library = f" (+{key}=... passes it on to the library)" if "estimator" in key else ""
    return f"there is no setting {key}; {suggest(last, names)}{library}"


def _iterate_keys(cfg: DictConfig) -> Iterator[str]:
    for name in map(str, cfg):
        node = None if name == "hydra" else cfg._get_node(name)
        yield name
        if isinstance(node, DictConfig) and not (node._is_none() or node._is_interpolation()):
            yield from (f"{name}.{key}" for key in _iterate_keys(node))


def _collect_notes(error: BaseException) -> list[str]:
    """Collect what became of a run that an error ended, which may lie below others."""
    return list(dict.fromkeys(note for one in error_chain(error) for note in getattr(one, "__notes__", [])))


def _iterate_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
