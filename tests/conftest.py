"""What many tests share: logs as configured or written down row by row, a store, scripts run in this process."""

# First, since it says how the threads of numpy and XGBoost wait, which they read as they load.
import clv_experiments  # noqa: F401, I001

import html
import json
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import warnings
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import date
from functools import cache, partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from clv_experiments.data.cleaning import missing_amount, missing_customer, missing_date
from clv_experiments.data.engine import Spark
from clv_experiments.data.log import load_log
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.cdnow import cdnow

# The steps and the log end of conf/data/cdnow.yaml and cdnow_sample.yaml.
RULES = (missing_customer(), missing_date(), missing_amount())
COLUMNS = ["customer_id", "date", "amount"]
CDNOW_END = date(1998, 6, 30)
# Java compiles what runs often twice over; tests end before the second, which costs most, pays.
EXTRAS = {"pyspark", "psycopg"}  # fixtures that skip where a driver is not installed
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"


@pytest.fixture(scope="session", autouse=True)
def _signals_as_at_a_prompt():
    """Let no process here, nor those it starts, ignore what stops a command: jobs in the background of a script do."""
    ignored = [number for number in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def process_group(command, **options):
    """Start a command in a session of its own; at the end kill it, and all that it started."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    with subprocess.Popen([*map(str, command)], start_new_session=True, **pipes) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def start_process():
    """Start processes that speak through pipes; none, nor what it started, outlives the test."""
    with ExitStack() as running:
        yield lambda command, **options: running.enter_context(process_group(command, **options))


@pytest.fixture
def unused_port():
    """A port of this machine where nothing answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="session")
def run_process():
    """Run a command to its end, as ``subprocess.run`` does; where that takes too long, all it started is killed too."""

    def run(command, *, timeout=120, **options):
        with process_group(command, **options) as process:
            stdout, stderr = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    return run


@pytest.fixture(scope="session")
def compose():
    """Compose the config as train.py does, from overrides; runs are kept in memory."""

    def composed(*overrides):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return hydra_compose("config", overrides=["tracking=memory", *overrides])

    return composed


@pytest.fixture(scope="module")
def compose_sweep():
    """Compose the config of a study as scripts/sweep.py does; gives it and what was typed.

    Hydra stays open during a module, since the trials of a study compose too.
    """

    def composed(*overrides):
        typed = ["tracking=memory", *overrides]
        return hydra_compose("sweep", overrides=typed), typed

    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield composed


@pytest.fixture(scope="session")
def cdnow_sample():
    return load_log("cdnow_sample", partial(cdnow, sample=True), RULES, CDNOW_END)


@pytest.fixture(scope="session")
def cdnow_master():
    return load_log("cdnow", partial(cdnow, sample=False), RULES, CDNOW_END)


@pytest.fixture(scope="session")
def log_of():
    """Build a log from rows of (customer_id, date or datetime, amount), or from a frame."""

    def build(rows, rules=RULES, log_end=None, name="toy"):
        frame = pd.DataFrame(rows, columns=None if isinstance(rows, pd.DataFrame) else COLUMNS)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        return load_log(name, lambda engine: RawTable(engine.register_arrow("rows", table)), rules, log_end)

    return build


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A migrated MLflow database to copy, since making one takes seconds."""
    from clv_experiments.tracking.mlflow_tracker import MlflowTracker  # and so does this, for tests without a store

    folder = tmp_path_factory.mktemp("template")
    with MlflowTracker(folder).run("template", "template"):
        pass
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def migrated(template):
    """Lay a migrated store into a working folder, and give the folder."""

    def lay(folder):
        (folder / "mlruns").mkdir()
        shutil.copy(template, folder / "mlruns" / "mlflow.db")
        return folder

    return lay


@contextmanager
def handlers_restored():
    """Leave signals handled as they were, whatever a script has done about them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture
def interruptible():
    """Let SIGINT raise KeyboardInterrupt, whatever a test before has done about it."""
    with handlers_restored():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A working folder with a wide terminal; signals are handled as they were once a test is over."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    with handlers_restored():
        yield tmp_path


def run_main(script, typed):
    """Run a script as typed, but in this process, since a new one takes seconds; gives the exit status."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.delenv("HYDRA_FULL_ERROR", raising=False)
        patch.setattr(sys, "argv", [str(ROOT / script), *map(str, typed)])
        patch.setattr(GlobalHydra.instance(), "hydra", None)  # a test may hold one open, and so would a script
        runpy.run_path(str(ROOT / script), run_name="__main__")
    return ended.value.code


@pytest.fixture
def run_script(work, capfd):
    """Run a script in the working folder: exit status, stdout and stderr."""

    def run(script, *typed):
        capfd.readouterr()
        status = run_main(script, typed)
        return status, *capfd.readouterr()

    return run


def skip_figures(patch):
    """Leave out the figures of runs, studies and boards, and what is computed for those of a run alone."""
    for drawing in ("holdout_records", "describe_fitted_estimator", "coefficient_records"):
        patch.setattr(f"clv_experiments.forecasting.run_records.{drawing}", lambda *_, **__: [])
    patch.setattr("clv_experiments.sweep.study_records.study_figures", lambda *_: [])
    for module in ("page", "board_records"):
        patch.setattr(f"clv_experiments.comparison.display.{module}.board_figures", lambda *_: [])


@pytest.fixture
def without_figures(monkeypatch):
    """Runs, studies and boards without their figures, which other tests draw."""
    skip_figures(monkeypatch)


@pytest.fixture(scope="session")
def run_without_figures():
    """Run a script in a folder for what its runs leave but their figures, which other tests draw."""

    def run(folder, script, *typed):
        output, errors = StringIO(), StringIO()
        with ExitStack() as stack:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.chdir(folder)
            patch.setenv("COLUMNS", "200")
            skip_figures(patch)
            stack.enter_context(handlers_restored())
            stack.enter_context(warnings.catch_warnings(action="ignore"))  # of libraries, as in a process of its own
            stack.enter_context(redirect_stdout(output))
            stack.enter_context(redirect_stderr(errors))
            status = run_main(script, typed)
        return subprocess.CompletedProcess(typed, status, output.getvalue(), errors.getvalue())

    return run


def pytest_itemcollected(item):
    """Mark what needs more than ``.[test]`` installs, known by what it asks for, and runs of all models but some."""
    if EXTRAS & set(getattr(item, "fixturenames", ())):
        item.add_marker("extras")
    if mark := item.get_closest_marker("whole_run_of_model"):
        option = item.callspec.params[mark.args[0]]
        if option not in first_of_each_family():
            item.add_marker("slow")
    if is_further_case(item):
        item.add_marker("slow")


def is_further_case(item):
    """Whether ``cross`` or ``quick_cases`` leave a case to the slow tests."""
    cross, quick = item.get_closest_marker("cross"), item.get_closest_marker("quick_cases")
    beyond_first = sum(item.callspec.indices[name] > 0 for name in cross.args) if cross else 0
    return beyond_first > 1 or (quick is not None and item.callspec.indices[quick.args[0]] >= quick.args[1])


@cache
def first_of_each_family():
    """One option of conf/model for each family."""
    options = {
        path.stem: yaml.safe_load(path.read_text())["family"] for path in sorted((CONF / "model").glob("*.yaml"))
    }
    # Ensembles last: each of them fits several of the others.
    order = sorted(options, key=lambda option: (CONF / "model" / f"{option}.yaml").read_text().count("@members."))
    return {next(option for option in order if options[option] == family) for family in options.values()}


@pytest.fixture(scope="session")
def pyspark():
    """Skip where PySpark or the Java below it is not there."""
    if find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed: pip install -c constraints.txt -e '.[spark]'")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java 17, which is not there")


@pytest.fixture(scope="session")
def psycopg():
    """The driver of PostgreSQL; skips where it is not there."""
    return pytest.importorskip(
        "psycopg", reason="psycopg is not installed: pip install -c constraints.txt -e '.[postgres]'"
    )


@pytest.fixture(scope="session")
def postgres_server(psycopg):
    """Where CLV_TEST_POSTGRES says that a PostgreSQL runs."""
    if "CLV_TEST_POSTGRES" not in os.environ:
        pytest.skip(
            "CLV_TEST_POSTGRES does not say where a PostgreSQL runs: postgresql://user:password@host:port/postgres"
        )
    return os.environ["CLV_TEST_POSTGRES"]


@pytest.fixture(scope="session")
def new_database(psycopg, postgres_server):
    """Make a PostgreSQL database of our own, and give its URI; it is removed once ``with`` is left."""

    @contextmanager
    def made(name):
        name = f"{name}_{os.getpid()}"
        with psycopg.connect(postgres_server, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        yield f"{postgres_server.rpartition('/')[0]}/{name}"
        with psycopg.connect(postgres_server, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")

    return made


@pytest.fixture(scope="session")
def spark(pyspark):
    """One Spark session for all tests, since it takes seconds to start; where Java and PySpark are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)  # PySpark leaves them to Python
        engine = Spark("local[2]")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JDK_JAVA_OPTIONS", QUICK_JAVA)
            patch.setenv("PYSPARK_PYTHON", sys.executable)
            assert engine.session
        yield engine
        gateway = engine.session.sparkContext._gateway
        engine.session.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=30)


@pytest.fixture
def browsed(tmp_path, run_process):
    """Open a page in headless Chromium, where there is one, and give back what a program found out about it."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no chromium or google-chrome on PATH")

    def probe(program, page):
        source = json.dumps(page).replace("</", "<\\/").replace("<!--", "<\\!--")
        driver = tmp_path / "driver.html"
        script = program.replace("PAGE", source, 1)
        driver.write_text(f"<!DOCTYPE html><body><script>{script}</script>", encoding="utf-8")
        done = run_process(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--virtual-time-budget=5000", "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND",
             f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", driver.as_uri()],
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "CONSOLE" not in done.stderr
        return json.loads(html.unescape(re.search(r"<body>(.*)</body>", done.stdout, re.DOTALL)[1]))

    return probe
