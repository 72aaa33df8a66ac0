"""What was typed, and what Hydra reads: each with one reading is read so, the rest is refused in a sentence."""

import os

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from clv_experiments.commands.cli.overrides import translate_arguments
from clv_experiments.config.conf_folders import packaged_conf_folder
from clv_experiments.errors import ClvError


def read(*typed, command="config"):
    return translate_arguments(typed, command).overrides_and_options


def refusal(*typed, command="config"):
    with pytest.raises(ClvError) as caught:
        translate_arguments(typed, command)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """An empty working folder, whose files decide some readings."""
    monkeypatch.chdir(tmp_path)


PATHS = [
    "it's.csv", '"quoted".csv', "orders,final.csv", "my orders (1).csv", "a=b.csv", r"C:\x.csv", r"C:\my files\(x).csv",
    r"\\server\share\x.csv", "[x].csv", "{x}.csv", "$HOME.csv", "logs/*.csv", "x#1.csv", "ünï 🙂.csv",
    "2024", "2024.10", "true", "~.csv", "a;b&c!.csv", "'", "x" * 300, "a\nb.csv", "sales@home:1.csv", "sum(a).csv",
    "ends\\",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("multirun", [[], ["-m"]], ids=["alone", "-m"])
def test_a_path_is_the_file_that_it_names(path, multirun, tmp_path):
    if len(path) < 200:
        (tmp_path / path.rpartition("/")[2].replace("*", "star")).touch()
    arguments = read(*multirun, f"data.path={path}")[len(multirun) :]
    assert arguments[1:] == ["data=file"]
    with initialize_config_dir(str(packaged_conf_folder()), version_base="1.3"):
        assert hydra_compose("config", overrides=["model=zeros", *arguments]).data.source.path == path


def test_in_a_multirun_a_comma_separates_files_unless_the_file_is_there(tmp_path):
    assert read("-m", "data.path=a.csv,b.csv")[1] == "data.path=a.csv,b.csv"
    assert read("-m", "data.path=my (1).csv,b.csv")[1] == "data.path='my (1).csv','b.csv'"
    (tmp_path / "a.csv,b.csv").touch()
    arguments = translate_arguments(["-m", "data.path=a.csv,b.csv"], "config")
    assert arguments.overrides_and_options[1] == "data.path='a.csv,b.csv'"
    assert "several are \"data.path='a.csv','b.csv'\"" in arguments.notes[0]


@pytest.mark.parametrize(
    ("typed", "hydra"),
    [
        (["model=bg_nbd\r"], ["model=bg_nbd"]),
        (["  model=bg_nbd \n"], ["model=bg_nbd"]),
        (["\ufeffmodel=bg_nbd", "", " "], ["model=bg_nbd"]),
        (["model = xgboost"], ["model=xgboost"]),
        (["model", "=", "xgboost"], ["model=xgboost"]),
        (["model=", "xgboost"], ["model=xgboost"]),
        (["model", "=xgboost"], ["model=xgboost"]),
        (["--model=xgboost"], ["model=xgboost"]),
        (["-model", "xgboost"], ["model=xgboost"]),
        (["--model", "xgboost", "seed=1"], ["model=xgboost", "seed=1"]),
        (["model:xgboost"], ["model=xgboost"]),
        (["xgboost", "3m"], ["model=xgboost", "window=3m"]),
        (["'model=xgboost'"], ["model=xgboost"]),
        (["model=‘xgboost’"], ["model=xgboost"]),
        (["–-multirun", "model=mean,zeros"], ["--multirun", "model=mean,zeros"]),
        (["--resume"], ["resume=true"]),
        (["+model=xgboost", "++seed=1"], ["model=xgboost", "seed=1"]),
        (["+model.estimator.x=1"], ["++model.estimator.x=1"]),
        (["~data.cleaning.price"], ["~data.cleaning.price"]),
        (["seed=1", "seed=1", "seed=2"], ["seed=2"]),
        (["model=BG/NBD"], ["model=bg_nbd"]),
        (["model=BGNBD"], ["model=bg_nbd"]),
        (["model=bg-nbd"], ["model=bg_nbd"]),
        (["model=XGBoost"], ["model=xgboost"]),
        (["model=Pareto/NBD"], ["model=pareto_nbd"]),
        (["model=random forest"], ["model=random_forest"]),
        (["model=random", "forest"], ["model=random_forest"]),
        (["-m", "model=XGBoost,BG/NBD"], ["-m", "model=xgboost,bg_nbd"]),
        (["model=glob(*)", "-m"], ["-m", "model=glob(*)"]),
        (["window=2m"], ["window.horizon='2 months'"]),
        (["window=3 months"], ["window=3m"]),
        (["window='3 months'"], ["window=3m"]),
        (["window=3", "months"], ["window=3m"]),
        (["window='2", "months'"], ["window.horizon='2 months'"]),
        (["window=45D"], ["window.horizon='45 days'"]),
        (["window=1y"], ["window=12m"]),
        (["window=-3m"], ["window.horizon='-3 months'"]),
        (["-m", "window=3m,4m"], ["-m", "window.horizon='3 months','4 months'"]),
        (["data=orders.csv"], ["data=file", "data.path=orders.csv"]),
        (["data=my (1).csv"], ["data=file", "data.path='my (1).csv'"]),
        (["data=duckdb:///shop.db"], ["data=sql", "data.connection=duckdb:///shop.db"]),
        (["data.table=orders"], ["data.table=orders", "data=sql"]),
        (["data.query=SELECT a, b FROM t WHERE x='y'"], [r"data.query='SELECT a, b FROM t WHERE x=\'y\''", "data=sql"]),
        (["data.path=shop.db", "data.table=orders"], ["data.path=shop.db", "data.table=orders", "data=file"]),
        (["data.columns.amount=Price (USD)"], ["data.columns.amount='Price (USD)'"]),
        (["data.columns.amount=a,b"], ["data.columns.amount='a,b'"]),
        (["data.columns.amount=2024"], ["data.columns.amount='2024'"]),
        (["data.columns.amount=false"], ["data.columns.amount=false"]),
        (["data.columns.date=year,month,day"], ["data.columns.date=[year,month,day]"]),
        (["experiment=null", "tracking.folder=2024"], ["experiment=null", "tracking.folder='2024'"]),
        (["hydra/launcher=joblib", "--cfg", "job"], ["--cfg", "job", "hydra/launcher=joblib"]),
    ],
)  # fmt: skip
def test_what_has_one_reading_is_read_so(typed, hydra):
    assert read(*typed) == hydra


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["model=xgbost"], "there is no model=xgbost; did you mean xgboost or xgboost_ziln?"),
        (["window=3"], "there is no window=3; did you mean 3m?; any other length reads window=45d"),
        (["data=cdnw"], "there is no data=cdnw; did you mean cdnow?; a log of your own reads data.path=orders.csv"),
        (["features=null"], "features=null names no option; there are behaviour, full, full_btyd, periods, rfm"),
        (["tracking=null"], "tracking=null names no option; there are memory, mlflow, server"),
        (["experiment="], "experiment= names no option; there are ablation, btyd_vs_ml_6m"),
        (["experiment=quarterly_linear", "data.path=a.csv"], "experiment= chooses a log of its own"),
        (["--mulitrun"], "there is no option --mulitrun; did you mean --multirun"),
        (["--modle=xgboost"], "there is no option --modle; there are"),
        (["--cfg=nonsense"], "--cfg must be followed by one of job, hydra, all, got 'nonsense'"),
        (["-c", "model=linear"], "-c must be followed by one of job, hydra, all, got 'model=linear'"),
        (["--cfg"], "--cfg must be followed by one of job, hydra, all"),
        (["--info=x"], "--info must be followed by one of all, config, defaults, defaults-tree, plugins, searchpath"),
        (["--package"], "--package must be followed by a value"),
        (["--help=me"], "--help takes no value, got 'me'; type --help alone"),
        (["help"], "'help' is an option: type --help"),
        (["xgbost"], "'xgbost' is no setting, which read key=value, such as model=xgboost; did you mean xgboost or"),
        (["model"], "'model' says no option; type model=<one of bg_nbd"),
        (["seed"], "'seed' says no value; type seed=<value>"),
        (["data.columns.date=Order", "Date"], "'Date' stands alone; if it belongs to data.columns.date"),
        (["model=ridge,linear"], "model=ridge,linear names several options; add -m to run each"),
        (["seed=1,2"], "seed=1,2 names several values; add -m to run each, or type [1,2] for a list"),
        (["window=3m,4m"], "window=3m,4m names several horizons; add -m to run each"),
        (["~model"], "~model takes out a setting that every run reads; type model=<value> to change it"),
        (["data.path=a${b.csv"], "'a${b.csv' holds ${, which begins the name of another setting"),
        (["mod el=3"], "'mod el' is no name of a setting"),
        (["data.path=caf\udce9.csv"], "'data.path=caf\\udce9.csv' holds bytes that are no UTF-8"),
    ],
)  # fmt: skip
def test_what_has_no_reading_is_refused_with_what_to_type(typed, message):
    assert refusal(*typed).startswith(message)


@pytest.mark.parametrize("group", ["data", "window", "features", "model", "evaluation", "tracking"])
@pytest.mark.parametrize("value", ["null", "", "nonsense"])
def test_every_group_names_its_options(group, value):
    assert f"{group}={value}" in refusal(f"{group}={value}")


def test_a_word_that_is_a_file_is_the_log(tmp_path):
    (tmp_path / "orders.csv").touch()
    assert read("orders.csv") == ["data.path=orders.csv", "data=file"]
    (tmp_path / "my orders (1).csv").touch()
    assert read("data.path=my", "orders", "(1).csv")[0] == "data.path='my orders (1).csv'"


def test_what_is_read_otherwise_than_typed_is_said():
    typed = ["model=BG/NBD", "3m", "seed=1", "seed=2"]
    assert translate_arguments(typed, "config").notes == [
        "3m is read as window=3m",
        "model=BG/NBD is read as model=bg_nbd",
        "of seed=1 and seed=2 the last counts",
    ]


def test_commands_take_what_is_theirs():
    assert read("--fill", "models=XGBoost,BG/NBD", command="leaderboard") == ["fill=true", "models=[xgboost,bg_nbd]"]
    assert read("model=champion", command="score") == ["model=champion"]
    assert read("model=runs:/1a", command="insights") == ["model=runs:/1a"]
    assert "there is no model=champion" in refusal("model=champion")
    assert read("sweep=XGBoost", "sweep.metric=r2,mae", command="sweep") == ["sweep=xgboost", "sweep.metric=[r2,mae]"]
    assert read("--sweep.n_trials=3", "~sweep.space.x", command="sweep") == ["sweep.n_trials=3", "~sweep.space.x"]


def test_a_password_is_in_nothing_that_hydra_sees(monkeypatch):
    monkeypatch.delenv("CLV_DATA_CONNECTION", raising=False)
    for typed in ("data.connection=postgresql://ann:it's@db/shop\r", "data=postgresql://ann:it's@db/shop"):
        arguments = read(typed)
        assert sorted(arguments) == [
            "data.connection=${oc.env:CLV_DATA_CONNECTION}", "data=sql",
            "hydra.job.config.override_dirname.exclude_keys=[data.connection]",
        ]  # fmt: skip
        assert os.environ.pop("CLV_DATA_CONNECTION") == "postgresql://ann:it's@db/shop"
