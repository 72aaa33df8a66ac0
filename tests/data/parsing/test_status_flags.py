"""Columns of true and false that are named like a status: which rows they set apart, whatever the language."""

import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.parsing.status_column import find_status_column
from clv_experiments.data.parsing.status_flags import FALSE_CELLS, TRUE_CELLS, detect_status_flag

PAIRS = [
    ("Y", "N"), ("1", "0"), ("T", "F"), ("true", "false"), ("yes", "no"), ("ja", "nein"), ("oui", "non"), ("是", "否"),
    ("да", "нет"), ("evet", "hayır"), ("tak", "nie"), ("はい", "いいえ"), ("예", "아니오"), ("1.0", "0.0"), ("-1", "0"),
]  # fmt: skip
NO_SALE_WHERE_TRUE = [
    "is_cancelled", "Cancelled?", "isTest", "test_order", "order_test", "is_deleted", "delete_flag", "void",
    "voided_ind", "is_refunded_order", "ist_storniert", "est_annule", "czy_anulowane", "是否取消", "キャンセルフラグ",
    "취소여부", "iptal", "отменен",
]  # fmt: skip
NO_SALE_WHERE_FALSE = [
    "is_valid", "valid", "Valid?", "is_paid", "payment_success", "approved", "order_is_complete", "bezahlt", "gültig",
    "est_payée", "livemode", "是否有效", "有効フラグ", "оплачен",
]  # fmt: skip


def log_of(**columns):
    return DuckDb().register_arrow("raw", pa.table(columns))


def rows_of(log, column):
    flag = detect_status_flag(log, column)
    return flag and flag.is_certain and flag.rows.fill_null(False).to_pyarrow().to_pylist()


@pytest.mark.parametrize(("yes", "no"), PAIRS)
def test_a_pair_of_cells_is_true_and_false(yes, no):
    cells = [yes, no, yes, no]
    log = log_of(is_valid=cells, is_cancelled=cells)
    assert rows_of(log, "is_valid") == [False, True, False, True]
    assert rows_of(log, "is_cancelled") == [True, False, True, False]


def test_no_cell_is_both_true_and_false():
    assert not {*TRUE_CELLS} & {*FALSE_CELLS}


def test_the_name_tells_which_of_both_is_no_sale():
    log = log_of(**{name: ["Y", "N"] for name in (*NO_SALE_WHERE_TRUE, *NO_SALE_WHERE_FALSE)})
    assert [name for name in NO_SALE_WHERE_TRUE if rows_of(log, name) != [True, False]] == []
    assert [name for name in NO_SALE_WHERE_FALSE if rows_of(log, name) != [False, True]] == []


def test_numbers_of_any_kind_are_flags():
    log = log_of(is_valid=[1.0, 0.0, None], is_test=[0, 1, 0])
    assert rows_of(log, "is_valid") == [False, True, False]
    assert rows_of(log, "is_test") == [False, True, False]


@pytest.mark.parametrize(
    ("name", "status"), [("shipped", "not shipped"), ("is_active", "not active"), ("is_internal", "internal")]
)
def test_a_flag_that_may_be_a_sale_all_the_same_is_left_aside_and_said(name, status):
    found = find_status_column(log_of(**{name: ["Y", "N", "Y"]}), (), None)
    assert found.column is None
    [note] = found.notes
    assert f"('{status}' " in note
    assert f"type data.columns.status={name} \"data.cleaning.status.drop=['{status}']\"" in note


def test_several_flags_count_together_and_a_status_beside_them():
    log = log_of(status=["paid", "paid", "voided", "refund"], is_test=["N", "Y", "N", "Y"], is_valid=[1, 1, 0, 0])
    found = find_status_column(log, (), None)
    assert found.raw["status"].to_pyarrow().to_pylist() == ["paid", "test", "voided", "refund"]
    assert any("column 'is_test' says of 2 row(s)" in note for note in found.notes)
    assert find_status_column(log, (), "status").raw["status"].to_pyarrow().to_pylist() == [
        "paid",
        "paid",
        "voided",
        "refund",
    ]
    without = find_status_column(log.drop("status"), (), None)
    assert without.raw[without.column].to_pyarrow().to_pylist() == [None, "test", "invalid", "test"]


@pytest.mark.parametrize("cells", [[1, 3, 4, 3], ["10", "30", "40", "30"]])
@pytest.mark.parametrize("name", ["status", "order_status_id", "订单状态"])
def test_statuses_in_numbers_are_said(name, cells):
    found = find_status_column(log_of(**{name: cells}), (), None)
    assert found.column is None
    assert f"column '{name}' looks like a status (" in found.notes[0]


@pytest.mark.parametrize(
    ("name", "status"), [("ABGRU", "rejected"), ("cancel_reason", "cancelled"), ("退款原因", "已退款")]
)
def test_a_reason_for_no_sale_is_said(name, status):
    log = log_of(**{name: ["", "02", None, "x"]})
    found = find_status_column(log, (), None)
    assert found.column is None
    assert f"('{status}' 2)" in found.notes[0]
    assert find_status_column(log, (), name).raw[name].to_pyarrow().to_pylist() == [None, status, None, status]


def test_a_column_named_status_is_one_where_most_values_are_unknown():
    log = log_of(Statut=["zorbed", "zorbed", "zorbed", "Annulé"], kind=["zorbed", "zorbed", "zorbed", "refund"])
    found = find_status_column(log, (), None)
    assert found.column == "Statut"
    assert "column 'kind' looks like a status" in found.notes[0]
