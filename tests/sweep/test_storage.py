"""Where studies are kept: taken up by name, refused if their settings were others, and storages that refuse."""

import json
import sqlite3
from pathlib import Path
from threading import Event, Thread

import optuna
import pytest

from clv_experiments.errors import ClvError
from clv_experiments.sweep.storage import hold_task_lock, resolve_storage_url
from clv_experiments.sweep.study import open_study


def open_named_study(url, name="toy", settings=None, directions=("minimize",)):
    return open_study(url, name, directions, settings or {"window.horizon": "3 months"}, sampler="random")


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/studies.db"


def test_the_storage_lies_where_it_is_said_or_beside_the_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_storage_url("sqlite:///mine.db", "mlruns") == "sqlite:///mine.db"
    assert resolve_storage_url(None, "mlruns") == f"sqlite:///{tmp_path}/mlruns/optuna.db"
    assert resolve_storage_url(None, None) is None


def test_the_storage_of_any_folder_is_made_there(tmp_path):
    folder = "with space, {x} a#b a?b=c 50%20 客户"
    for _ in range(2):
        study = open_named_study(resolve_storage_url(None, str(tmp_path / folder)))
        study.study.add_trial(optuna.trial.create_trial(value=1.0))
    assert len(study.trials) == 2
    assert (tmp_path / folder / "optuna.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [folder]
    with hold_task_lock(study.url):
        assert {path.name for path in (tmp_path / folder).glob("*.lock")} == {"optuna.db.lock"}


def test_a_file_with_braces_in_its_name_is_no_template(tmp_path):
    open_named_study(f"sqlite:///{tmp_path}/{{x}}.db")
    assert (tmp_path / "{x}.db").is_file()


def test_a_study_of_any_name_is_taken_up(url):
    names = ['it\'s "mine" \\ `x` % {y}', "cdnow 3m xgboost", "客户 ü", "x" * 500, "--"]
    for number, name in enumerate(names):
        open_named_study(url, name).study.add_trials([optuna.trial.create_trial(value=1.0)] * number)
    assert [len(open_named_study(url, name).trials) for name in names] == [0, 1, 2, 3, 4]


def test_a_study_of_other_settings_is_refused_by_their_names(url):
    open_named_study(url, settings={"a": 1, "b": [1.5, None], "c": "same", "gone": 0}).study.add_trial(
        optuna.trial.create_trial(value=1.0)
    )
    assert len(open_named_study(url, settings={"gone": 0, "c": "same", "b": (1.5, None), "a": 1}).trials) == 1
    with pytest.raises(ClvError) as refused:
        open_named_study(url, settings={"a": 2, "b": [1.5, None], "c": "same", "new": True})
    assert str(refused.value) == (
        "study 'toy' was begun with other settings: a was 1 and is 2; gone was 0 and is unset; new was unset and is "
        "True; type another sweep.name, or the settings it was begun with"
    )
    assert json.loads(
        open_named_study(url, settings={"a": 1, "b": [1.5, None], "c": "same", "gone": 0}).study.user_attrs["settings"]
    )


def test_a_study_that_another_program_made_is_refused(url):
    open_named_study(url, "ours")
    foreign = optuna.create_study(storage=url, study_name="toy")
    assert open_named_study(url).trials == []  # one without trials may be ours, whose process was killed as it made it
    foreign = optuna.create_study(storage=url, study_name="other")
    foreign.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(ClvError, match=r"^study 'other' was made by another program; type another sweep\.name$"):
        open_named_study(url, "other")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sqlite:///{folder}/text", "file is not a database"),
        ("sqlite:///{folder}/text/deeper/studies.db", "text"),
        ("sqlite:///{folder}", "unable to open database file"),
        ("sqlite://", "names no file"),
        ("studies.db", "is no address of a database"),
        ("postgresql://ann:sesame@host:port/shop", "is no address of a database"),
        ("redis://ann:sesame@host/shop", "cannot be kept in redis"),
        ("journal:///studies.log", "cannot be kept in journal"),
        ("postgresql+nonsense://ann:sesame@host/shop", "postgresql.nonsense"),
        ("postgresql+pg8000://ann:sesame@host/shop", r"pg8000 is not installed .*\[postgres\]"),
        ("mysql+pymysql://ann:sesame@host/shop", r"pymysql is not installed"),
    ],
)
def test_what_no_study_can_be_kept_in_is_said_in_one_sentence(tmp_path, address, message):
    (tmp_path / "text").write_text("no database" * 100)
    with pytest.raises(ClvError, match=message) as refused:
        open_named_study(address.format(folder=tmp_path))
    message = str(refused.value)
    assert "(sweep.storage)" in message
    assert "sesame" not in message
    assert "\n" not in message
    assert (tmp_path / "text").read_text() == "no database" * 100


@pytest.mark.parametrize("password", ["sesame", "s%20e", "se@same"])
def test_a_server_that_refuses_is_said_without_the_password(password, psycopg):
    with pytest.raises(ClvError) as refused:
        open_named_study(f"postgresql://ann:{password}@127.0.0.1:1/shop")
    message = str(refused.value)
    expected = "write special characters of its password as %40" if "@" in password else "Connection refused"
    assert expected in message
    assert message.count("ann:***@127.0.0.1:1/shop") == ("@" not in password)
    assert "se@" not in message
    assert "same" not in message
    assert "\n" not in message


def test_the_database_of_mlflow_is_refused_and_left_as_it_is(tmp_path, url):
    file = tmp_path / "studies.db"
    connection = sqlite3.connect(file)
    connection.executescript("CREATE TABLE alembic_version (version_num TEXT); CREATE TABLE runs (run_uuid TEXT);")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(ClvError, match=r"holds the tables of another program, such as MLflow's"):
        open_named_study(url)
    assert file.read_bytes() == before


def test_tables_of_another_version_are_said(tmp_path, url):
    open_named_study(url)
    with sqlite3.connect(tmp_path / "studies.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v0.9.0.a'")
    connection.close()
    with pytest.raises(ClvError, match="optuna storage upgrade"):
        open_named_study(url)


def test_an_interrupt_while_a_study_is_opened_is_no_bad_storage(url, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna, "create_study", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_named_study(url)


def test_a_first_heartbeat_is_on_record_before_anything_else(tmp_path, url):
    study = open_named_study(url)
    study.ask_trial(0)
    with sqlite3.connect(tmp_path / "studies.db") as database:
        assert database.execute("SELECT COUNT(*) FROM trial_heartbeats").fetchone() == (1,)
    database.close()


def test_in_memory_every_study_is_new():
    open_named_study(None).study.add_trial(optuna.trial.create_trial(value=1.0))
    study = open_named_study(None)
    assert study.trials == []
    assert study.url is None


def test_one_process_at_a_time_holds_the_lock(url):
    entered = Event()

    def enter():
        with hold_task_lock(url):
            entered.set()

    second_thread = Thread(target=enter)
    with hold_task_lock(url):
        second_thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(5)
    second_thread.join()
    assert Path(url.removeprefix("sqlite:///")).with_suffix(".db.lock").exists()
