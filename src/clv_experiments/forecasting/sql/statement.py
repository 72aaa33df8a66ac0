"""One SQL statement that forecasts every customer of a table, and what it differs from the model by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import sqlglot.expressions as sge
from ibis.backends.sql import compilers
from ibis.expr.operations import InMemoryTable
from sqlglot import parse_one
from sqlglot.optimizer.eliminate_subqueries import eliminate_subqueries

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.queries.customers import fetch_by_customer
from clv_experiments.errors import ClvError
from clv_experiments.features.history import add_first_last_day_and_gap
from clv_experiments.features.rfm import first_spend, rfm
from clv_experiments.forecasting.sql.expressions import build_forecast_expression
from clv_experiments.models.array_input import CUSTOMER_COLUMNS, FIRST_SPEND
from clv_experiments.models.btyd import COLUMNS, BtydRegressor

COMPILERS_BY_DIALECT = {  # Ibis's compiler, and sqlglot's name; Databricks's needs no Spark to compile
    "duckdb": (compilers.DuckDBCompiler, "duckdb"),
    "postgres": (compilers.PostgresCompiler, "postgres"),
    "bigquery": (compilers.BigQueryCompiler, "bigquery"),
    "snowflake": (compilers.SnowflakeCompiler, "snowflake"),
    "spark": (compilers.DatabricksCompiler, "spark"),
}
TRANSACTIONS, RFM_SUMMARY = "transactions", "rfm_summary"  # a row a purchase; a row a customer
SPACINGS = (0.1, 0.05, 0.025)
AGREEMENT = 1e-10  # relative, of the statement in DuckDB with the model
DECIMAL_TYPE = "decimal(38, 9)"  # whatever type a column has, it is cast
ZERO_THRESHOLD = 1e-200  # below it a probability or a spend counts as 0
FREQUENCIES = (0, 1, 2, 3, 5, 10, 30, 100, 300, 1000)
AGES = (0, 1, 2, 7, 30, 90, 365, 1000, 3650)  # days


@dataclass(frozen=True)
class SourceTable:
    """The table that a statement reads.

    Parameters
    ----------
    name : str
        With its schema where it needs one, such as ``shop.orders``.
    rows : {"transactions", "rfm_summary"}
        ``transactions``: customer_id, date, amount, of which those of one customer and day are added up;
        ``rfm_summary``: customer_id, frequency, recency, T (days), monetary_value and, of a model that
        includes it, first_spend, as of the cutoff.
    """

    name: str
    rows: str = TRANSACTIONS


@dataclass(frozen=True)
class ForecastQuery:
    """A BTYD model's forecasts of a table as an expression, from which statements are compiled.

    Attributes
    ----------
    table : ibis.Table
        ``customer_id``, ``p_alive``, ``expected_purchases`` and, of a model with spend, ``expected_spend``.
    max_relative_difference : float
        The largest relative difference between DuckDB and the model, over customers with all kinds of histories.
    """

    table: ibis.Table
    max_relative_difference: float

    def to_sql(self, dialect: str) -> str:
        """Compile one SELECT in a dialect of ``COMPILERS_BY_DIALECT``."""
        compiler, name = COMPILERS_BY_DIALECT[dialect]
        select = compiler().to_sqlglot(self.table)
        for nodes in self.table.op().find(InMemoryTable):
            select = _replace_table_with_values(select, nodes.name, nodes.data.to_pyarrow(nodes.schema))
        # Read back, since parts that Ibis shares between its clauses are out of reach otherwise.
        select = parse_one(eliminate_subqueries(select).sql(dialect=name), dialect=name)
        for identifier in select.find_all(sge.Identifier):  # Snowflake has another case for what is not quoted
            identifier.set("quoted", not sge.SAFE_IDENTIFIER_RE.match(identifier.name))
        return select.sql(dialect=name, pretty=True, max_text_width=110) + "\n"


def build_forecast_query(model: BtydRegressor, source: SourceTable, cutoff: date) -> ForecastQuery:
    """Build the forecasts of all customers of a table, as things stood at the end of the cutoff.

    Raises
    ------
    ClvError
        If no quadrature that a statement can hold agrees with the model.
    """
    customers = _read_customers(source, cutoff, model)
    for spacing in SPACINGS:
        difference = measure_max_relative_difference(model, spacing)
        if difference <= AGREEMENT:
            return ForecastQuery(build_forecast_expression(model, customers, spacing), difference)
    raise ClvError(
        f"{type(model).__name__} cannot be exported: with {model.parameters_['estimate'].tolist()} the statement would "
        f"differ by {difference:.1g} of a forecast; score with clv score"
    )


def measure_max_relative_difference(model: BtydRegressor, spacing: float) -> float:
    """Compare the expression, in DuckDB, with the model over customers with all kinds of histories."""
    customers = _build_test_customers(model)
    table = pa.Table.from_pandas(customers.rename_axis("customer_id").reset_index(), preserve_index=False)
    rows = DuckDb().register_arrow("rfm", table)
    in_sql = fetch_by_customer(build_forecast_expression(model, rows, spacing))
    expected = {
        "p_alive": model.probability_alive(customers),
        "expected_purchases": model.expected_purchases(customers),
    }
    if model.spend_:
        expected["expected_spend"] = model.predict(customers)
    differences = [
        np.abs(in_sql[name] - values) / np.maximum(np.abs(values), ZERO_THRESHOLD) for name, values in expected.items()
    ]
    return float(np.max(differences))


def _build_test_customers(model: BtydRegressor) -> pd.DataFrame:
    """List customers without and with many purchases, new and old, recent and gone, with and without spend."""
    spends = (0.0, *(model.spend_.mean_spend_ * factor for factor in (0.2, 1, 50))) if model.spend_ else (0.0,)
    histories = [(x, t_x, T) for T in AGES for x in FREQUENCIES if x <= T for t_x in {x, (x + T) // 2, T}]
    histories = [(x, t_x if x else 0, T) for x, t_x, T in histories]
    rows = sorted({(*history, spend if history[0] else 0.0) for history in histories for spend in spends})
    customers = pd.DataFrame(rows, columns=list(CUSTOMER_COLUMNS), dtype=float)
    if not (model.spend_ and model.include_first_spend):
        return customers
    first_spends = pd.DataFrame({FIRST_SPEND: spends})
    return customers.merge(first_spends, how="cross")


def _read_customers(source: SourceTable, cutoff: date, model: BtydRegressor) -> ibis.Table:
    """Read customer_id, frequency, recency, T and, of a model with spend, its columns, as the model saw them."""
    features = (*COLUMNS, *model.spend_columns) if model.spend_ else COLUMNS
    if source.rows == RFM_SUMMARY:
        table = _build_source_expression(source, {"customer_id": "string", **dict.fromkeys(features, DECIMAL_TYPE)})
        return table.select("customer_id", **{name: table[name].cast("float64") for name in features})
    amount = {"amount": DECIMAL_TYPE} if model.spend_ else {}
    lines = _build_source_expression(source, {"customer_id": "string", "date": "timestamp", **amount})
    spend = lines.amount.sum() if model.spend_ else ibis.literal(1)
    days = lines.group_by("customer_id", date=lines.date.cast("date")).agg(amount=spend)
    history = add_first_last_day_and_gap(days, cutoff)
    day = Horizon.parse("1 day")
    columns = rfm(history, cutoff, day) | first_spend(history, cutoff, day)
    return history.group_by("customer_id").agg(**{name: columns[name].cast("float64") for name in features})


def _build_source_expression(source: SourceTable, schema: dict[str, str]) -> ibis.Table:
    catalog, database, name = [None, None, *source.name.split(".")][-3:]
    return ibis.table(schema, name=name, catalog=catalog, database=database)


def _replace_table_with_values(select: sge.Select, name: str, nodes: pa.Table) -> sge.Select:
    """Put the rows of a small table into the statement, and read them in place of the table."""
    for table in select.find_all(sge.Table):
        if table.name == name:
            table.set("this", sge.to_identifier("nodes"))
            table.set("db", None)
            table.set("catalog", None)
    columns = nodes.column_names
    rows = sge.values(zip(*nodes.to_pydict().values(), strict=True), alias="v", columns=columns)
    casts = [sge.cast(sge.column(column), "DOUBLE").as_(column) for column in columns]
    return select.with_("nodes", as_=sge.select(*casts).from_(rows))
