"""Logs with other columns beside their own, other names and another order: the same log, or a word about it."""

import random
import string
from datetime import date, timedelta

import pandas as pd
import pytest
from attempts import COUNT, attempt, needs_alarms, try_inputs
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from clv_experiments.config.conf_folders import packaged_conf_folder
from clv_experiments.config.log_and_window import load_log_from_config
from clv_experiments.data.parsing.role_names import USUAL_NAMES

pytestmark = [pytest.mark.slow, pytest.mark.fuzz, needs_alarms]
OWN = {"customer_id": ["Client", "Kundennr.", "user id", "CUSTOMER_ID"], "date": ["Day", "Order Date", "datum", "DATE"],
       "amount": ["Total", "Betrag", "amount_usd", "Amount"]}  # fmt: skip
WORDS = ["x", "Store", "note", "rank", "é", "", " ", "1", "2023-01", "price list", "batch", "weight_kg", "a,b",
         'say "no"', "Sum?",
         *(f"{role}{end}" for role in USUAL_NAMES for end in ("", "_2", " note")),
         *(name for names in USUAL_NAMES.values() for name in list(names)[:20])]  # fmt: skip


def orders():
    """Thirty customers over nine months."""
    rng = random.Random(19)
    rows = [(100 + rng.randrange(30), date(2023, 1, 1) + timedelta(days=rng.randrange(270)), rng.randrange(100,
            9000) / 100)
            for _ in range(200)]  # fmt: skip
    return pd.DataFrame(rows, columns=list(OWN))


def cells(rng, rows):
    """A column of any kind."""
    word = "".join(rng.choices(string.ascii_letters, k=5))
    of_row = rng.choice(
        (
            lambda row: row, lambda row: word, lambda row: "", lambda row: rng.randrange(5),
            lambda row: rng.random() * 9,
            lambda row: rng.choice(("completed", "refunded", "paid", "")), lambda row: f"{word}{rng.randrange(40)}",
            lambda row: date(2023, 1, 1) + timedelta(days=rng.randrange(300)), lambda row: rng.choice(("EUR", "USD")),
            lambda row: f"{rng.randrange(100)}%", lambda row: rng.choice((0, 1)), lambda row: -rng.random(),
        )
    )  # fmt: skip
    return [of_row(row) for row in range(rows)]


def changed(rng, frame):
    """The frame with other names, further columns and another order; gives the names that are not its own."""
    names = {name: rng.choice([name, name, *others]) for name, others in OWN.items()}
    columns = [(names[name], frame[name].tolist()) for name in frame]
    others = [(rng.choice(WORDS), cells(rng, len(frame))) for _ in range(rng.choice((0, 1, 1, 2, 4)))]
    columns += others
    if rng.random() < 0.5:
        rng.shuffle(columns)
    table = pd.DataFrame(dict(enumerate(values for _, values in columns)))
    table.columns = [name for name, _ in columns]
    return table.sample(frac=1, random_state=rng.randrange(100)), [name.strip() for name, _ in others]


def test_columns_beside_those_of_a_log_change_nothing_in_silence(tmp_path, capsys):
    path = tmp_path / "orders.csv"
    with initialize_config_dir(str(packaged_conf_folder()), version_base="1.3"):
        cfg = compose("config", overrides=["data=file", f"data.path={path}"]).data
    OmegaConf.resolve(cfg)

    def load():
        return load_log_from_config(cfg, lambda first, last: last, cached=False)

    frame = orders()
    frame.to_csv(path, index=False)
    log = load()
    days = frame.groupby(["customer_id", "date"])["amount"].sum().round(2)
    own = log.purchase_days.to_pyarrow().to_pandas()
    assert (log.customers, len(own), float(own["amount"].sum())) == (30, len(days), pytest.approx(days.sum()))

    def check(rng):
        table, others = changed(rng, frame)
        table.to_csv(path, index=False)
        read = attempt(load)
        if read is None:
            return False
        said = " ".join([*read.notes, str(read.report)])
        is_announced = any(name in said for name in others if name)
        assert read.fingerprint == log.fingerprint or is_announced, (list(table.columns), table.iloc[0].tolist(), said)
        return True

    try_inputs("columns", check, capsys, count=-(-COUNT // 4))
