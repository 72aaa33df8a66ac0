"""Bad input and hostile text as a person meets them: one sentence, exit status 1, nothing half-written.

Each case runs train.py as a script, but in this process, since a new one takes seconds to start; some run in their own.
"""

import os
import re
import shutil
import socket
import sys
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from clv_experiments.config.log_and_window import load_log_from_config

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "train.py"
QUICK = ["model=zeros", "window=1m", "evaluation.bootstrap_replicates=2"]
HEADER = ["Client", "Day", "Sales"]
NAMED = ["data.columns.customer_id=Client", "data.columns.date=Day", "data.columns.amount=Sales"]
START = date(2023, 1, 1)


def orders(customers=8, days=300, every=20):
    """Rows of (customer, day, amount): each buys ``every`` so many days, from a day of their own on."""
    return [
        (str(17850 + k), str(START + timedelta(days=day)), f"{10 + k + day % 7}.50")
        for k in range(customers)
        for day in range(k, days, every)
    ]


def text(rows, header=HEADER, separator=","):
    return "\n".join(separator.join(map(str, row)) for row in [header, *rows]) + "\n"


@pytest.fixture
def train(run_script, migrated, work, request):
    """Run train.py with a log that is kept outside of the working folder; gives exit status, stdout and stderr."""

    def run(*overrides, tracking="memory"):
        if tracking == "mlflow":  # and its figures are drawn, of names that are hostile
            migrated(work)
        else:
            request.getfixturevalue("without_figures")
        return run_script("train.py", *QUICK, f"tracking={tracking}", *overrides)

    return run


@pytest.fixture
def file_of(tmp_path_factory):
    """Write a log, from rows or as it is, into a folder of its own."""

    def write(content, name="orders.csv"):
        path = tmp_path_factory.mktemp("log") / name
        if isinstance(content, pd.DataFrame):
            content.to_parquet(path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else text(content), encoding="utf-8")
        return path

    return write


def assert_one_sentence(status, stderr, message):
    assert status == 1
    assert "Traceback" not in stderr
    assert re.fullmatch(r"error: [^\n]+\n", stderr), "one line, and nothing else"
    for words in message:
        assert words in stderr


def changed(rows, column, how):
    """Change one column of every row; ``how`` takes the cell and the row's place."""
    return [(*row[:column], how(row[column], position), *row[column + 1 :]) for position, row in enumerate(rows)]


def truncated_parquet():
    stream = BytesIO()
    pd.DataFrame(orders(), columns=HEADER).to_parquet(stream)
    return stream.getvalue()[:-200]


GOOD = orders()
TOMORROW = str(date.today() + timedelta(days=1))
# Name: what the file holds, further overrides, what is said.
CASES = {
    "empty file": ("", [], ["orders.csv' is empty"]),
    "blank lines only": ("\n\n  \n", [], ["orders.csv' is empty"]),
    "header only": (text([]), [], ["orders.csv' has a header but no row"]),
    "wrong separator": (
        text(GOOD, separator=";"), ["data.source.separator=comma"],
        ["has one column only with the separator comma, and 3 with semicolon: type data.source.separator=semicolon"],
    ),
    "unusual separator": (
        text(GOOD, separator="~"), [], ["has one column only, 'Client~Day~Sales'", "type data.source.separator="],
    ),
    "uneven rows": (
        text([*GOOD[:3], ("a", "2023-01-01", "1", "2")]), [],
        ["line 5 of '", "orders.csv' has 4 cell(s) where the header has 3"],
    ),
    "binary rubbish": (bytes(range(256)) * 40, [], ["orders.csv' is no plain text: it holds characters 0x01"]),
    "wrong column name": (
        text(GOOD), ["data.columns.customer_id=Clinet"],
        ["log 'orders' has no column 'Clinet' (data.columns.customer_id); did you mean Client?"],
    ),
    "column that nothing is like": (text(GOOD), ["data.columns.amount=xyz"], ["it has Client, Day, Sales"]),
    "no column that could be the customer": (
        text([(k, *row[1:]) for k, row in enumerate(GOOD)], ["Who", "Day", "Sales"]), ["data.columns.customer_id=null"],
        ["no column of log 'orders' looks like its customer_id: type data.columns.customer_id=Who"],
    ),
    "two columns with one name": (
        text([(*row, k + 0.5) for k, row in enumerate(GOOD)], [*HEADER, "Sales"]), [],
        ["has no column 'Sales' (data.columns.amount); did you mean Sales_2 or Sales_1?"],
    ),
    "two columns that could be the amount": (
        text([(*row, 1) for row in GOOD], [*HEADER, "Total"]), ["data.columns.amount=null"],
        ["the amount of log 'orders' could be any of Sales, Total: type data.columns.amount=Sales"],
    ),
    "unreadable dates": (
        changed(GOOD, 1, lambda day, position: f"soon {position}" if position > 2 else day), [],
        ["column 'Day' of log 'orders' has 117 row(s) that cannot be read as a date like 1997-12-31",
         "such as 'soon 3', 'soon 4', 'soon 5'; correct them or leave them empty"],
    ),
    "days that do not exist": (changed(GOOD, 1, lambda *_: "2023-02-30"), [], ["such as '2023-02-30', '2023-02-30'"]),
    "day or month first": (
        changed(GOOD, 1, lambda _, position: f"0{1 + position % 9}/0{1 + position % 4}/2023"), [],
        ["could begin with the day or the month, and no row tells: type data.date_order=dmy or data.date_order=mdy"],
    ),
    "day and month first": (
        [("a", "31/12/2023", 1), ("b", "12/31/2023", 2)], [],
        ["has dates that no one order of day, month and year fits, such as '31/12/2023', '12/31/2023'"],
    ),
    "ids that a spreadsheet has spoilt": (
        changed(GOOD, 0, lambda who, _: f"1.{who}E+12"), [],
        ["column 'Client' of log 'orders' has 120 row(s) that cannot be read as a whole number of at most 15 digits",
         "store longer ones as text), such as '1.17850E+12'"],
    ),
    "price of how many": (
        text([(*row, 2) for row in GOOD], ["Client", "Day", "Paid", "Pile"]),
        ["data.columns.amount=null", "data.columns.unit_price=Paid"],
        ["log 'orders' has a unit_price, Paid, but neither quantity nor amount: type data.columns.quantity="],
    ),
    "total of an order on each of its lines": (
        text([(*row, k // 2) for k, row in enumerate(changed(GOOD, 2, lambda *_: 5))],
             ["Client", "Day", "Order Total", "Order ID"]),
        ["data.columns.amount=null"],
        ["column 'Order Total' of log 'orders' has one value on all lines of 56 of 56 orders with several lines",
         "data.amount_per=order if it is the total, which counts once, or data.amount_per=line if each row"],
    ),
    "column without a name that holds something": (
        text([(*row, "" if k else 1) for k, row in enumerate(GOOD)], [*HEADER, ""]), [],
        ["line 2 of '", "orders.csv' has '1' in column 4, which has no name; the first line must name every column"],
    ),
    "pattern that engines lack": (
        text(GOOD), ["data.cleaning.returns.cancelled='(?=C)'"],
        ["data.cleaning.returns.cancelled must do without look-around", "got '(?=C)'"],
    ),
    "mixed time zones": (
        changed(GOOD, 1, lambda day, position: f"{day} 10:00+0{position % 2}:00"), [],
        ["column 'Day' of log 'orders' mixes time zones, such as", "+00:00'", "+01:00'", "data.time_zones=written"],
    ),
    "future dates": (
        [*GOOD, ("17850", "2999-05-05", "1")], [],
        [f"log 'orders' has purchases after today ({date.today()}), up to 2999-05-05", "data.log_end="],
    ),
    "dates all alike": (
        changed(GOOD, 1, lambda *_: "2023-01-01"), [], ["all purchases of log 'orders' fall on one day, 2023-01-01"],
    ),
    "currencies mixed": (
        changed(GOOD, 2, lambda amount, position: f"{'$€'[position % 2]}{amount}"), [],
        ["column 'Sales' of log 'orders' has amounts in $ and in €; give one currency"],
    ),
    "thousands or decimals": (
        text(changed(GOOD, 2, lambda _, position: f"{1 + position % 9}.{100 + position}"), separator=";"), [],
        ["amounts of log 'orders' such as '1.100', '2.101', '3.102' (column 'Sales') could be thousands or decimals",
         "type data.decimal=. or data.decimal=','"],
    ),
    "point and comma before decimals": (
        text([("a", "2023-01-01", "1.50"), ("b", "2023-01-02", "1,50")], separator=";"), [],
        ["begin their decimals with . and with , such as '1.50', '1,50'"],
    ),
    "amounts in words": (
        changed(GOOD, 2, lambda amount, position: "ten" if position == 7 else amount), [],
        ["column 'Sales' of log 'orders' has 1 row(s) that cannot be read as a number below", "such as 'ten'"],
    ),
    "infinite amounts": (
        changed(GOOD, 2, lambda amount, position: "inf" if position == 7 else amount), [],
        ["has 1 row(s) that cannot be read as a number below 100,000,000,000,000, such as 'inf'"],
    ),
    "infinite amounts in Parquet": (
        pd.DataFrame({"Client": ["a", "b"], "Day": ["2023-01-01", "2023-01-02"], "Sales": [float("inf"), 1.0]}), [],
        ["has 1 row(s) that cannot be read as a number below 100,000,000,000,000, such as 'inf'"],
    ),
    "NaN amounts only": (
        changed(GOOD, 2, lambda *_: "NaN"), [],
        ["log 'orders' has no usable row: 120 rows read, 0 kept; removed: missing amount 120"],
    ),
    "all amounts negative": (
        changed(GOOD, 2, lambda amount, _: f"-{amount}"), [],
        ["all amounts of log 'orders' are negative, from -", "type data.scale=-1 to turn the sign"],
    ),
    "ids that a float has spoilt": (
        pd.DataFrame({"Client": [1e20, 2e20], "Day": ["2023-01-01", "2023-01-02"], "Sales": [1.0, 2.0]}), [],
        ["column 'Client' of log 'orders' has 2 row(s) that cannot be read as a whole number of at most 15 digits"],
    ),
    "blank ids only": (
        changed(GOOD, 0, lambda *_: " "), [],
        ["log 'orders' has no usable row: 120 rows read, 0 kept; removed: missing customer 120"],
    ),
    "one customer": (orders(customers=1), [], ["log 'orders' has one customer only; at least two are needed"]),
    "every customer one-time": (
        changed(GOOD, 0, lambda _, position: position), [],
        ["none of the 120 customers of log 'orders' bought on two days", "data.columns.customer_id if 'Client' is not"],
    ),
    "log shorter than the window": (GOOD, ["window=12m"], ["the log is too short", "type window"]),
    "no spend in the holdout": (
        [*orders(days=200), *[(f"new{k}", str(START + timedelta(days=200 + k)), "5") for k in range(100)]], [],
        ["nobody spent anything in the holdout period", "window.cutoff"],
    ),
    "misspelt key": (
        text(GOOD), ["data.columns.amonut=Sales"], ["there is no setting data.columns.amonut; did you mean amount"],
    ),
    "misspelt key forced in": (
        text(GOOD), ["+data.columns.amonut=Sales"],
        ["there is no setting data.columns.amonut; did you mean amount?"],
    ),
    "date order that is none": (
        text(GOOD), ["data.date_order=ydm"], ["data.date_order must be dmy, mdy, ymd or null, got 'ydm'"],
    ),
    "log end that is none": (text(GOOD), ["data.log_end=soon"], ["'soon' is not a date", "data.log_end"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_gets_one_sentence_and_leaves_nothing(case, train, file_of, work):
    content, overrides, message = CASES[case]
    path = file_of(content, "orders.parquet" if isinstance(content, pd.DataFrame) else "orders.csv")
    status, _, stderr = train("data=file", f"data.path={path}", *NAMED, *overrides)
    assert_one_sentence(status, stderr, message)
    assert list(work.iterdir()) == []
    assert [left.name for left in path.parent.iterdir()] == [path.name]


def test_a_truncated_parquet_file_is_said(train, file_of):
    status, _, stderr = train("data=file", f"data.path={file_of(truncated_parquet(), 'orders.parquet')}")
    assert_one_sentence(status, stderr, ["orders.parquet' is damaged, cut short or no Parquet file"])


def test_a_file_that_is_not_there_is_said(train, file_of):
    path = file_of(GOOD)
    status, _, stderr = train("data=file", f"data.path={path.parent}/ordres.csv")
    assert_one_sentence(status, stderr, [f"there is no file '{path.parent}/ordres.csv'", "did you mean orders.csv?"])
    status, _, stderr = train("data=file")
    assert_one_sentence(status, stderr, ["type data.path=orders.csv"])


def test_a_failed_run_is_marked_with_its_reason_and_keeps_nothing_else(train, file_of, work):
    path = file_of(CASES["unreadable dates"][0])
    status, _, stderr = train("data=file", f"data.path={path}", *NAMED, tracking="mlflow")
    assert_one_sentence(status, stderr, ["cannot be read as a date"])
    assert [left.name for left in work.iterdir()] == ["mlruns"]
    run = only_run(work, "orders 1m")
    assert run.info.status == "FAILED"
    assert f"error: {run.data.tags['failure']}\n" == stderr
    assert [left.name for left in artifacts(run).iterdir()] == ["config.yaml"]


def only_run(folder, experiment):
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return run


def artifacts(run):
    return Path(run.info.artifact_uri.removeprefix("file://"))


# --- in a process of its own ----------------------------------------------------------------------------------------


@pytest.fixture
def in_a_process(run_process, tmp_path):
    def run(*overrides, before=()):
        environment = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
        return run_process([*before, sys.executable, SCRIPT, *QUICK, *overrides], cwd=tmp_path, env=environment)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("case", ["unreadable dates", "misspelt key"])
def test_a_process_of_its_own_says_and_ends_the_same(case, file_of, in_a_process, tmp_path):
    content, overrides, message = CASES[case]
    done = in_a_process("tracking=memory", "data=file", f"data.path={file_of(content)}", *NAMED, *overrides)
    assert_one_sentence(done.returncode, done.stderr, message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_file_without_read_permission_is_said(file_of, in_a_process, run_process, tmp_path):
    path = file_of(GOOD)
    path.chmod(0o000)
    before = []
    if os.geteuid() == 0:  # root may read all, unless it gives up the right to
        before = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        if shutil.which("setpriv") is None or run_process([*before, "true"]).returncode:
            pytest.skip("root may read every file, and setpriv, which takes that right, is not there or not allowed")
    done = in_a_process("tracking=memory", "data=file", f"data.path={path}", before=before)
    assert_one_sentence(done.returncode, done.stderr, [f"'{path}' may not be read"])
    assert list(tmp_path.iterdir()) == []


# --- databases ------------------------------------------------------------------------------------------------------


def traces(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("tracking", ["memory", "mlflow"])
def test_a_database_that_is_down_is_said_without_its_password(tracking, psycopg, train, work):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    connection = f"data.connection=postgresql://u:sesame@127.0.0.1:{port}/x"
    status, stdout, stderr = train("data=sql", connection, "data.table=orders", tracking=tracking)
    assert_one_sentence(status, stderr, [f"postgresql://u:***@127.0.0.1:{port}/x", "check host and port"])
    assert "sesame" not in stdout + stderr
    assert b"sesame" not in traces(work)
    if tracking == "mlflow":
        assert "127.0.0.1" in only_run(work, "orders 1m").data.tags["failure"]


def test_a_password_that_the_database_refuses_is_not_printed(postgres_server, train, work):
    user, host = re.fullmatch(r"postgresql://([^:]+):[^@]+@(.+)", postgres_server).groups()
    status, stdout, stderr = train(
        "data=sql", f"data.connection=postgresql://{user}:sesame@{host}", "data.table=orders", tracking="mlflow"
    )
    assert_one_sentence(status, stderr, ["password authentication failed", "check user and password"])
    assert "sesame" not in stdout + stderr
    assert b"sesame" not in traces(work)


# --- what looks bad but can be read ---------------------------------------------------------------------------------


@pytest.fixture
def log_of(compose, file_of):
    def load(content, *overrides):
        cfg = compose("data=file", f"data.path={file_of(content)}", *NAMED, *overrides).data
        return load_log_from_config(cfg, lambda first, last: last)

    return load


@pytest.mark.parametrize(
    "written",
    [
        lambda amount: f"${amount:,.2f}",
        lambda amount: f"{amount:,.2f}".translate(str.maketrans(",.", ".,")) + " €",
        lambda amount: f"USD {amount:.2f}",
        lambda amount: f"{amount:,.2f}".replace(",", " "),
        lambda amount: f"{amount:e}",
    ],
)
def test_currency_signs_and_thousands_are_read_where_they_are_unambiguous(written, log_of):
    amounts = [Decimal(f"{1000 * k}.50") for k in range(1, 121)]
    rows = text(changed(GOOD, 2, lambda _, position: written(amounts[position])), separator=";")
    log = log_of(rows)
    assert log.report.table["amount"].iloc[0] == sum(amounts) == log.purchase_days.amount.sum().to_pyarrow().as_py()


def test_a_file_that_excel_has_written_is_read(log_of):
    rows = text([(*row, "") for row in GOOD], [*HEADER, ""], ";")
    assert log_of(f"sep=;\n{rows}").fingerprint == log_of(GOOD).fingerprint


def test_years_of_two_digits_are_read_where_their_place_is_said(log_of):
    rows = changed(GOOD, 1, lambda day, _: day[2:])
    assert log_of(rows, "data.date_order=ymd").fingerprint == log_of(GOOD).fingerprint


def test_ids_of_mixed_type_are_one_customer(log_of, train, file_of):
    rows = changed(GOOD, 0, lambda who, position: [who, f"{who}.0", f" {who} "][position % 3])
    log = log_of(rows)
    assert log.customers == 8
    assert log.fingerprint == log_of(GOOD).fingerprint
    status, stdout, stderr = train("data=file", f"data.path={file_of(rows)}", *NAMED)
    assert (status, stderr) == (0, "")
    assert "\n8 customers, " in stdout


def test_blank_ids_and_missing_amounts_are_counted(train, file_of):
    rows = changed(
        GOOD, 0, lambda who, position: ["", "NULL", "nan", "  "][position // 3] if position in (0, 3, 6, 9) else who
    )
    rows = changed(rows, 2, lambda amount, position: "NaN" if position in (20, 21) else amount)
    status, stdout, _ = train("data=file", f"data.path={file_of(rows)}", *NAMED)
    assert status == 0
    assert "120 rows read, 114 kept; removed:\n  missing customer: 4 rows, " in stdout
    assert "\n  missing amount: 2 rows, " in stdout


def test_what_was_guessed_is_said(train, file_of):
    rows = text(changed(GOOD, 1, lambda day, _: f"{day[8:]}.{day[5:7]}.{day[:4]}"), ["Kunde", "Datum", "Betrag"], ";")
    status, stdout, _ = train("data=file", f"data.path={file_of(rows)}")
    assert status == 0
    assert "note: columns guessed: customer_id=Kunde, date=Datum, amount=Betrag (data.columns says otherwise)" in stdout
    assert re.search(r"note: dates begin with the day, as \d+ row\(s\) show", stdout)


# --- hostile text ---------------------------------------------------------------------------------------------------

HOSTILE = [
    "'; DROP TABLE orders; --", '" OR ""="', "\\'; --", "%s %(x)s {} {0} ${oc.env:HOME}", "<script>alert(1)</script>",
    "<b>&amp;</b>", "=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "'quoted'", '"', '""', "a\nb", "a,b;c\td",
    "🙂", "Ünïcödé", "\u202egnirts", "[red]bold[/red]", "[/]", "[link=http://x]y", "\x1b[31mred", "../../etc/passwd",
    "/etc/passwd", "x" * 10_000, "null byte \\0", "$(touch hacked)", "`touch hacked`", "; touch hacked",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of libraries, as in a process of its own
@pytest.mark.slow
def test_hostile_text_passes_through_harmless(tmp_path, file_of, train):
    rows = [
        {"customer_id": who, "date": day, "amount": amount, "country": HOSTILE[k], "product": HOSTILE[-k - 1],
         "order_id": who + day, "channel": HOSTILE[k]}
        for k, who in enumerate(HOSTILE)
        for _, day, amount in orders(customers=2)
    ]  # fmt: skip
    path = file_of("")
    pd.DataFrame(rows).to_csv(path, index=False)
    beside = set(tmp_path.parent.iterdir())
    typed = ["data=file", f"data.path={path}", "model=linear", "features=full", "data.cleaning.duplicates.policy=drop"]
    status, stdout, stderr = train(*typed, tracking="mlflow")
    assert status == 0, stderr
    assert f"{len(rows)} rows read" in stdout.replace(",", "")
    assert [left.name for left in tmp_path.iterdir()] == ["mlruns"]
    assert set(tmp_path.parent.iterdir()) == beside
    assert [left.name for left in path.parent.iterdir()] == [path.name]
    run = only_run(tmp_path, "orders 1m")
    predictions = pd.read_parquet(artifacts(run) / "predictions.parquet")
    assert set(predictions["customer_id"]) == set(HOSTILE)
    for table in artifacts(run).rglob("*.csv"):
        assert not re.search(r'(^|,)"?[=@\t]', table.read_text(encoding="utf-8"), re.MULTILINE), table.name


def test_a_log_called_like_terminal_markup_is_shown_as_it_is_called(train, file_of):
    status, stdout, stderr = train("data=file", f"data.path={file_of(GOOD)}", *NAMED, "data.name='[/red] [b]:boom:'")
    assert (status, stderr) == (0, ""), stderr
    assert "on [/red] [b]:boom:, next" in stdout
    assert stdout.count("[/red] [b]:boom:") >= 2
