"""Models come back from the registry as they were logged, the alias moves last, and what is not there is said."""

import json
import warnings
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from clv_experiments.errors import ClvError
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.reporting.records import File, FittedModel, RegistrationRequest, Tag
from clv_experiments.tracking.experiment_name import champion_model_name, champion_model_uri
from clv_experiments.tracking.memory_tracker import MemoryTracker
from clv_experiments.tracking.mlflow_tracker import MlflowTracker
from clv_experiments.tracking.registry import register_model_version
from clv_experiments.tracking.run_reader import RunReader
from clv_experiments.tracking.store import open_store
from clv_experiments.tracking.stored_run import CHAMPION

pytestmark = pytest.mark.filterwarnings("ignore:.*inferred as AnyType")  # mlflow's own, as it is imported

X = pd.DataFrame({"T": [1.0, 2.0, 30.0, 4.0], "frequency": [0.0, 3.0, 2.0, 9.0]}, index=pd.Index(list("wxyz")))
HOSTILE = ["../x 3m", "a:b 3m", "a/b 3m", "a-b 3m", "a b#?%@ 3m", "<i> 3m", "été 45d", "x" * 300 + " 3m", " 3m"]


def linear_model(slope):
    return SpendRegressor(LinearRegression()).fit(X, slope * X["T"] + X["frequency"])


def champion(tracker, slope, name="shop-3m"):
    """Leave the run of a promoted model; gives its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mlflow's own
        with tracker.run("shop 3m", f"champion {slope}") as run:
            run.log(
                [Tag("kind", CHAMPION), Tag("evaluated_run", f"judged{slope}"), FittedModel(linear_model(slope), X)]
            )
            run.log([RegistrationRequest(name, CHAMPION, (Tag("why", f"slope {slope}"),), "# card", "about it")])
    return run.run_id


@pytest.mark.parametrize("kind", ["mlflow", "memory"])
def test_a_champion_comes_back_as_it_was_fitted(kind, tracker):
    tracker = tracker if kind == "mlflow" else MemoryTracker()
    run_id = champion(tracker, 2)
    reader = tracker.reader()
    stored = reader.model("models:/shop-3m@champion")
    assert (stored.uri, stored.version, stored.columns) == ("models:/shop-3m@champion", "1", ("T", "frequency"))
    assert (stored.run.run_id, stored.run.name, stored.evaluation_run_id) == (run_id, "champion 2", "judged2")
    assert stored.run.tags["kind"] == CHAMPION
    assert stored.estimator.predict(X).tolist() == linear_model(2).predict(X).tolist()
    run_model = reader.model(f"runs:/{run_id}")
    assert (run_model.version, run_model.run.run_id, run_model.columns) == ("", run_id, stored.columns)
    assert reader.model(f"runs:/{run_id}/model").run.run_id == run_id
    with tracker.run("shop 3m", "without a model") as run:
        run.log([Tag("kind", "leaderboard")])
    with pytest.raises(ClvError, match=rf"run {run.run_id}.* holds no model; choose a finished run"):
        reader.model(f"runs:/{run.run_id}")


def test_the_alias_moves_to_the_newest_and_stays_where_a_promotion_fails(tracker, monkeypatch):
    first, second = champion(tracker, 2), champion(tracker, 3)
    reader, client = tracker.reader(), mlflow.MlflowClient(tracker.uri)
    assert reader.model("models:/shop-3m@champion").run.run_id == second
    assert reader.model("models:/shop-3m/1").run.run_id == first
    assert reader.model("models:/shop-3m/2").version == "2"
    version = client.get_model_version("shop-3m", "2")
    assert client.get_registered_model("shop-3m").description == "about it"
    assert (version.tags["why"], version.description, version.run_id) == ("slope 3", "# card", second)

    def refused(*args, **named):
        raise mlflow.exceptions.MlflowException("not today")

    monkeypatch.setattr(mlflow.MlflowClient, "create_model_version", refused)
    with pytest.raises(ClvError, match="not today"):
        register_model_version(tracker.store, first, RegistrationRequest("shop-3m", CHAMPION, (), ""))
    assert reader.model("models:/shop-3m@champion").run.run_id == second


def test_a_served_model_answers_what_the_estimator_says(tracker):
    from mlflow.pyfunc import scoring_server

    run_id = champion(tracker, 2)
    served = mlflow.pyfunc.load_model("models:/shop-3m@champion")
    expected = linear_model(2).predict(X)
    np.testing.assert_array_equal(served.predict(X), expected)
    # Whole numbers and columns in another order, as somebody else's JSON has them.
    rows = json.dumps({"dataframe_split": {"columns": ["frequency", "T"], "data": [[0, 1], [3, 2], [2, 30], [9, 4]]}})
    schema = served.metadata.get_input_schema()
    answer = scoring_server.invocations(rows, "application/json", served, schema)
    np.testing.assert_allclose(json.loads(answer.response)["predictions"], expected, rtol=1e-12)
    assert not served.metadata.get_output_schema().is_tensor_spec(), "Spark would make a list of each row's number"
    assert mlflow.MlflowClient(tracker.uri).get_run(run_id).info.status == "FINISHED"


def test_spark_scores_with_the_champion(tracker, spark):
    from pyspark.sql.functions import struct

    champion(tracker, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mlflow's and Spark's own
        score = mlflow.pyfunc.spark_udf(spark.session, "models:/shop-3m@champion", env_manager="local")
        rows = spark.session.createDataFrame(X.rename_axis("customer_id").reset_index())
        predictions = rows.withColumn("spend", score(struct("frequency", "T"))).toPandas().set_index("customer_id")
    np.testing.assert_allclose(predictions["spend"], linear_model(2).predict(X), rtol=1e-12)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        (
            "models:/other-3m@champion",
            "there is no champion models:/other-3m@champion yet; promote one with clv leaderboard --promote",
        ),
        ("models:/other-3m/1", "nothing is registered as 'other-3m'; promote one with clv leaderboard"),
        ("models:/o'x-3m/1", "nothing is registered as 'o'x-3m'"),
        ("models:/shop-3m@best", "there is no models:/shop-3m@best: 'shop-3m' has version 1$"),
        ("models:/shop-3m/7", "there is no models:/shop-3m/7: 'shop-3m' has version 1$"),
        ("models:/shop-3m", "a model is addressed like models:/cdnow-3m@champion"),
        ("champion", "not 'champion'"),
        ("runs:/", "not 'runs:/'"),
        ("runs:/0123", "there is no run '0123'"),
    ],
)
def test_what_is_not_there_is_said(registered, uri, words):
    with pytest.raises(ClvError, match=words):
        registered.model(uri)


@pytest.fixture(scope="module")
def registered(tmp_path_factory, migrated):
    tracker = MlflowTracker(migrated(tmp_path_factory.mktemp("registered")) / "mlruns")
    champion(tracker, 2)
    return tracker.reader()


def test_a_file_is_copied_as_it_is(tracker, tmp_path):
    (tmp_path / "scores.csv").write_bytes(b"a\r\n'=1+1\n")
    with tracker.run("shop 3m", "score linear") as run:
        run.log([File(tmp_path / "scores.csv")])
    (tmp_path / "scores.csv").unlink()
    assert tracker.reader()._read_file(run.run_id, "scores.csv", Path.read_bytes) == b"a\r\n'=1+1\n"


def test_without_a_store_none_is_made(tmp_path):
    with pytest.raises(ClvError, match="no runs are kept in"):
        RunReader(tmp_path / "none").model("models:/shop-3m@champion")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_was_moved_still_has_its_models_and_a_damaged_one_is_said(tracker):
    run_id = champion(tracker, 2)
    Path("mlruns").rename("moved")
    reader = RunReader(Path("moved"))
    assert reader.model("models:/shop-3m@champion").run.run_id == run_id
    (path,) = Path("moved").rglob("estimator.skops")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ClvError, match=rf"the model of run {run_id} cannot be read \("):
        reader.model(f"runs:/{run_id}")
    path.unlink()
    with pytest.raises(ClvError, match=rf"run {run_id} has lost its model"):
        reader.model(f"runs:/{run_id}")
    described = path.parents[1] / "MLmodel"
    for damage in ("", "flavors: 3", "x: [", "!!python/object/apply:os.getcwd []"):
        described.write_text(damage)
        with pytest.raises(ClvError, match=rf"run {run_id} has no readable model"):
            reader.model(f"runs:/{run_id}")
    described.unlink()
    with pytest.raises(ClvError, match=rf"run {run_id} has no readable model"):
        reader.model(f"runs:/{run_id}")


def test_every_name_of_a_log_makes_a_name_of_its_own_that_an_address_can_hold(registered):
    names = [champion_model_name(experiment) for experiment in HOSTILE]
    assert len(set(names)) == len(HOSTILE)
    open_store(registered.store.folder)  # where MLflow's own functions look, too
    run = registered.model("models:/shop-3m@champion").run
    for experiment, name in zip(HOSTILE, names, strict=True):
        register_model_version(registered.open_store, run.run_id, RegistrationRequest(name, CHAMPION, (), "# card"))
        assert registered.model(champion_model_uri(experiment)).run == run
        assert mlflow.pyfunc.get_model_dependencies(champion_model_uri(experiment))
