"""Submitted predictions at random: those that are taken are, customer by customer, what stands in their file."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from attempts import attempt, damage, needs_alarms, try_inputs

from clv_experiments.commands.submit import read_prediction_files
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.forecasting.external import validate_cell_predictions
from clv_experiments.forecasting.forecaster import Forecaster

pytestmark = [pytest.mark.slow, pytest.mark.fuzz, needs_alarms]
ODD = [None, float("nan"), float("inf"), -1.0, 0, 1e308, "", "3", "1,5", "x", " 2 ", True, Decimal("1.10"), "1e400",
       "NaN",
       pd.Timestamp("2023-01-01"), "1998-03-31", "31/03/1998", 19980331, b"7", [1], {"a": 1}, 2**70, "🙂"]  # fmt: skip


def changed(rng, table):
    """Change cells, rows, columns or types of a table of predictions."""
    table = table.copy()
    for _ in range(rng.choice((0, 1, 1, 2))):
        if not len(table) or not table.columns.is_unique or not len(table.columns):
            break
        row, column = rng.randrange(len(table)), rng.choice(list(table))
        values = table[column].astype(object).tolist()
        kind = rng.randrange(10)
        if kind < 3:
            values[row] = rng.choice(ODD)
            table[column] = pd.Series(values, table.index, dtype=object)
        elif kind == 3:
            table = table.drop(index=table.index[row])
        elif kind == 4:
            table = pd.concat([table, table.iloc[row : row + rng.choice((1, 40))]])
        elif kind == 5:
            table = table.drop(columns=column)
        elif kind == 6:
            table = table.rename(
                columns={column: rng.choice(("y_pred", "p_purchase", "cell", "Cutoff", "", "customer_id"))}
            )
        elif kind == 7:
            table[rng.choice(("p_purchase", "expected_purchases", "cell", "other"))] = rng.choice([*ODD[:12], 0.5])
        elif kind == 8:
            table = table.sample(frac=1, random_state=rng.randrange(100))
        else:
            table[column] = pd.Series(values, table.index, dtype=object).map(
                rng.choice((str, repr, lambda value: f" {value}"))
            )
    return table


def plain_values(path):
    """What pandas reads of a file: a prediction for each customer, as text and as a number."""
    read = pd.read_csv(path, dtype=str, keep_default_na=False) if path.suffix == ".csv" else pd.read_parquet(path)
    ids = [str(int(one)) if isinstance(one, float) and one == int(one) else str(one) for one in read["customer_id"]]
    return dict(zip(ids, [float(one) for one in read["y_pred"]], strict=True))


def test_predictions_that_are_taken_are_those_of_the_file(cdnow_sample, tmp_path, capsys):
    forecaster = Forecaster(cdnow_sample, Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3 months")))
    period = forecaster.window.period(0)
    table = forecaster.outcome(period)[[]].reset_index()
    table = table.assign(cutoff=str(period.cutoff), y_pred=np.linspace(0, 90, len(table)).round(3))

    def check(rng):
        given = changed(rng, table)
        path = tmp_path / rng.choice(("mine.csv", "mine.parquet"))
        try:
            given.to_csv(path, index=False) if path.suffix == ".csv" else given.to_parquet(path, index=False)
        except Exception:  # what no file of this kind can hold
            return False
        if rng.random() < 0.4:
            path.write_bytes(damage(rng, path.read_bytes()))

        def taken():
            predictions = read_prediction_files(str(path))
            return validate_cell_predictions(predictions, forecaster, "mine", cell="0" * 64, claimed_cell=None)

        tables = attempt(taken)
        if tables is None:
            return False
        (predicted,) = tables.values()
        expected = plain_values(path)
        assert len(predicted) == len(table)
        wrong = {one: (value, expected.get(one)) for one, value in predicted["y_pred"].items()
                 if expected.get(one) is None or not np.isclose(expected[one], value, rtol=1e-12)}  # fmt: skip
        assert wrong == {}, dict(list(wrong.items())[:3])
        return True

    try_inputs("predictions", check, capsys)
