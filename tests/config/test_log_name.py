"""What a log without a name is called: after its file or database, safe for folders and MLflow, without a password."""

import re

import pytest

from clv_experiments.config.log_name import name_log
from clv_experiments.config.settings import build_experiment_name, flatten_settings


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("orders.csv", "orders"),
        ("~/exports/orders.2024.csv.gz", "orders.2024"),
        ("shop.zip", "shop"),
        ("my logs/Été: 1/2.csv", "2"),
        ("my logs/Été 2024 (1).xlsx", "Été_2024_1"),
        ("E\u0301te\u0301.csv", "Été"),  # as another system spells the same name
        ("$(touch x);`y`'\"\\.csv", "touch_x_y"),
        ("orders_[0-9][0-9].csv", "orders"),
        ("logs/**/*.csv", "logs"),
        ("2024.csv", "2024"),
        (2024, "2024"),
        ("..", "log"),
        (None, "log"),
        ("postgresql://ann:sesame@host/shop?sslmode=require", "shop"),
        ("postgresql://ann:ses/ame@host", "host"),
        ("sqlite:///home/ann/shop.db", "shop"),
        ("duckdb://", "log"),
    ],
)
def test_a_log_is_called_after_where_it_lies(location, name):
    assert name_log(location) == name
    assert re.fullmatch(r"[\w.-]+", name_log("x" * 500 + str(location)))
    assert len(name_log("x" * 500 + str(location))) <= 60


def test_a_table_that_is_named_goes_before_its_database():
    assert name_log("postgresql://ann@host/shop", "sales.order lines") == "sales.order_lines"


def test_every_setting_knows_the_name_and_a_typed_one_wins(compose):
    typed = ["data=file", "data.path='logs/our orders.csv'", "window=3m"]
    cfg = compose(*typed)
    assert (cfg.data.name, build_experiment_name(cfg), flatten_settings(cfg)["data.name"]) == (
        "our_orders",
        "our_orders 3m",
        "our_orders",
    )
    assert build_experiment_name(compose(*typed, "data.name=file")) == "file 3m"
    sql = ["data=sql", "data.connection='duckdb:///shop.duckdb'", "window=3m"]
    assert build_experiment_name(compose(*sql)) == "shop 3m"
    assert build_experiment_name(compose(*sql, "data.table=orders")) == "orders 3m"
