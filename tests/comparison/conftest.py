"""Cells and boards written down by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.cell import Cell, Entry
from clv_experiments.comparison.standings import Standings

COMMIT = "0.1.0+0123456789ab"


def origins_of(values):
    """One array an origin, from one array or from one an origin."""
    nested = isinstance(values[0], (list, tuple, np.ndarray))
    return [np.asarray(origin, dtype=float) for origin in (values if nested else [values])]


@pytest.fixture(scope="session")
def cell_of():
    """Make a cell from what each label predicted and what happened.

    ``predictions`` maps a label to one number a customer, or to one such array an origin; ``y_true`` is alike, and
    origins may differ in customers. ``bought`` (alike) is by default whoever spent anything. ``families`` maps labels
    to families, ``ml`` by default; ``entries`` maps labels to other fields of their Entry. Other keywords are the
    cell's.
    """

    def build(predictions, y_true, *, bought=None, families=None, d2_floor=0.01, entries=None, **cell):
        actual = origins_of(y_true)
        buyers = [a != 0 for a in actual] if bought is None else origins_of(bought)
        cutoffs = pd.date_range("2001-03-31", periods=len(actual), freq="QE")
        made = []
        for label, values in predictions.items():
            frames = [
                pd.DataFrame(
                    {
                        "customer_id": [f"c{i:06d}" for i in range(len(a))],
                        "cutoff": cutoff,
                        "y_true": a,
                        "y_pred": p,
                        "purchase_days": np.asarray(b, dtype=int),
                    }
                )
                for cutoff, a, p, b in zip(cutoffs, actual, origins_of(values), buyers, strict=True)
            ]
            entry = Entry(
                label=label,
                model=label,
                family=(families or {}).get(label, "ml"),
                features="rfm",
                run_id=f"run_of_{label}",
                code_version=COMMIT,
                predictions=pd.concat(frames, ignore_index=True),
                d2_floors=(d2_floor,) * len(actual),
                seconds={"features": 0.1, "fit": 1.0, "predict": 0.01},
            )
            made.append(replace(entry, **(entries or {}).get(label, {})))
        facts = {
            "data": "shop",
            "horizon": "3m",
            "protocol": "forecast",
            "identity": "0123456789abcdef",
            "holdouts": tuple(
                f"{c + pd.Timedelta(days=1):%Y-%m-%d} to {c + pd.offsets.QuarterEnd():%Y-%m-%d}" for c in cutoffs
            ),
            "currency": "GBP",
        }
        return Cell(entries=tuple(made), **(facts | cell))

    return build


@pytest.fixture(scope="session")
def board_of():
    """Make standings of a cell whose scores, and the errors of them, are written down and not computed.

    ``scores`` maps a metric to {label: score}, or to {label: [score an origin]}; metrics and labels not named score 0.
    Replicates lie on both sides of each score so that the standard error of each model is ``error``, the same way for
    all models where ``together``; all intervals extend two standard errors to each side. Boards of one ``seed`` err
    alike.
    """

    def build(cell, scores, *, metric="d2_tweedie", error=0.01, together=False, replicates=200, seed=0):
        labels, steps = cell.labels, range(len(cell.holdouts))
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=(replicates, 1 if together else len(labels))) * np.ones((1, len(labels)))
        noise = error * (noise - noise.mean(axis=0)) / noise.std(axis=0)
        rows, by_origin, oriented, replicates_by_metric = [], [], {}, {}
        for name, how in METRICS.items():
            by_origin_scores = np.array(
                [np.broadcast_to(scores.get(name, {}).get(label, 0.0), len(steps)) for label in labels]
            )
            score, oriented[name] = by_origin_scores.mean(axis=1), how.orient(by_origin_scores).mean(axis=1)
            replicates_by_metric[name] = oriented[name] + noise
            by_origin += [
                (name, lb, s, cell.holdouts[s], by_origin_scores[i, s]) for i, lb in enumerate(labels) for s in steps
            ]
            rows += _rows(
                cell, name, score, np.ptp(by_origin_scores, axis=1), oriented[name], replicates_by_metric[name], error
            )
        return Standings(
            cell=cell,
            metric=metric,
            table=pd.DataFrame(rows),
            by_origin=pd.DataFrame(by_origin, columns=["metric", "model", "step", "holdout", "score"]),
            replicates=replicates_by_metric,
            oriented_scores=oriented,
            confidence=0.95,
            half_widths={
                name: 2 * (values[:, :, None] - values[:, None, :]).std(axis=0, ddof=1)
                for name, values in replicates_by_metric.items()
            },
        )

    return build


def _rows(cell, name, score, spread, oriented_scores, replicates, error):
    labels, families = cell.labels, cell.families
    order = sorted(range(len(labels)), key=lambda i: -oriented_scores[i])
    best, ranks = order[0], pd.Series(-oriented_scores).rank()
    baselines = [i for i in order if families[labels[i]] == "baseline"]
    for i in order:
        row = {"metric": name, "model": labels[i], "family": families[labels[i]], "score": score[i]}
        row |= {"lower": score[i] - 2 * error, "upper": score[i] + 2 * error}
        row |= {"spread": spread[i] if len(cell.holdouts) > 1 else np.nan}
        row |= {"rank": ranks[i]}
        row |= {"best": labels[best], "baseline": labels[baselines[0]] if baselines else None}
        for column, other in (("from_best", best), ("from_baseline", baselines[0] if baselines else None)):
            gap, half_width = (np.nan, np.nan) if other is None else _gap(oriented_scores, replicates, i, other)
            row |= {column: gap, f"{column}_lower": gap - half_width, f"{column}_upper": gap + half_width}
        yield row | {"group": 1 if row["from_best_upper"] >= 0 else 2}


def _gap(oriented_scores, replicates, i, other):
    return oriented_scores[i] - oriented_scores[other], 2 * (replicates[:, i] - replicates[:, other]).std(ddof=1)


# Tools of a few lines, as other people would write them.
READ = """
import json, sys
from pathlib import Path
import pandas as pd
folder = Path(sys.argv[1])
cell = json.loads((folder / "cell.json").read_text())
customers = pd.read_parquet(folder / "customers.parquet")
predictions = customers[["customer_id"]].assign(cutoff=cell["cutoff"], y_pred=customers["frequency"] + 0.5)
"""
WRITE = 'predictions.to_parquet(folder / "predictions.parquet", index=False)\n'


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    """Write tools into a folder; each is given as what it does to ``predictions`` before they are written."""

    def write(**programs):
        folder = tmp_path_factory.mktemp("tools")
        for name, program in programs.items():
            (folder / name).mkdir(parents=True)
            (folder / name / "predict.py").write_text(
                f'"""What {name} does.\n\nMore of it.\n"""\n{READ}{program}\n{WRITE}'
            )
        return folder

    return write
