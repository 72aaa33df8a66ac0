"""Columns named like a status, such as is_cancelled or Cancelled at: flags and times that set rows apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

import ibis
from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.parsing.status_values import REVERSAL, USUAL_EFFECTS, RowAction, normalise_status

# Of whom it is said, as in order_cancelled and is_test_order; what may stand in front of it, and at the end.
SUBJECTS, VERBS, ENDS = (
    [normalise_status(word) for word in words.split()]
    for words in (
        "order payment transaction sale invoice item line bestellung auftrag rechnung commande facture pedido factura "
        "ordine zamowienie siparis заказ 订单 訂單 交易 注文 주문",
        "is was has ist war est es esta e czy jest 是否 有无",
        "flag yn ind indicator bool at on date datum utc フラグ 여부 mi",
    )
)
AFFIX_REMOVAL_STEPS = (
    (ENDS, str.removesuffix),
    (VERBS, str.removeprefix),
    (SUBJECTS, str.removeprefix),
    (SUBJECTS, str.removesuffix),
    (VERBS, str.removeprefix),
)
NAMES_BY_STATUS_WHERE_FALSE = {
    "unpaid": (
        "paid settled bezahlt payee paye pagado pagada pagato pago betaald oplacone zaplacone oplacony betald betalt "
        "zaplaceno оплачен оплачено odendi 支付 付款 已支付 已付款 支払い済み 입금"
    ),
    "invalid": "valid validated gultig gueltig valide validee geldig gecerli 有效 有効 유효",
    "failed": "succeeded successful success ok",
    "declined": "approved accepted authorized authorised",
    "incomplete": "complete completed",
    "uncaptured": "captured",
    "test": "live",
}
UNSURE_IF_FALSE = (  # where false it may be no sale, or one that is not over
    "shipped sent dispatched delivered fulfilled received confirmed active processed posted billed invoiced final "
    "finalized counted included billable chargeable versandt geliefert livree entregado consegnato geleverd wyslane "
    "доставлен aktiv actif activo attivo"
)
UNSURE_IF_TRUE = "internal|archived|hidden|ignored?|excluded?|trial|demo|bot|staff|employee|adjusted|sample"
STATUS_IF_FALSE_BY_NAME = {
    normalise_status(name): state for state, names in NAMES_BY_STATUS_WHERE_FALSE.items() for name in names.split()
}
PERHAPS_WHERE_FALSE = {normalise_status(name): f"not {name}" for name in UNSURE_IF_FALSE.split()}
REASON = re.compile("(.+)(?:reason(?:code)?|grund|motif|motivo|原因|이유)")
STATES_BY_REASON = {  # of which a reason is given
    "cancel": "cancelled", "cancellation": "cancelled", "cancelation": "cancelled", "storno": "storniert",
    "refund": "refunded", "return": "returned", "rejection": "rejected", "decline": "declined", "failure": "failed",
    "void": "voided", "取消": "取消", "退款": "已退款", "annulation": "annulee",
}  # fmt: skip
SAP_REJECTION_REASON = "abgru"  # SAP's reason for it, in an order's item
STEM_REPLACEMENTS = {"delete": "deleted", "del": "deleted", "livemode": "live"}  # of a column's name
TRUE_CELLS = (
    "true", "t", "1", "1.0", "-1", "yes", "y", "x", "on", "ja", "j", "oui", "o", "si", "sí", "s", "sim", "tak",
    "да", "wahr", "vrai", "vero", "verdadero", "verdadeiro", "evet", "e", "ano", "kyllä", "igen", "是", "真", "有",
    "はい", "예", "네", "✓", "✔", "☑",
)  # fmt: skip
FALSE_CELLS = (
    "false", "f", "0", "0.0", "no", "n", "off", "nein", "non", "não", "nao", "nie", "нет", "falsch", "faux",
    "falso", "nee", "nej", "nei", "ne", "ei", "nem", "nu", "hayır", "hayir", "h", "否", "假", "无", "無", "いいえ",
    "아니오", "아니요", "✗", "✘", "☐",
)  # fmt: skip
MAX_VALUES = 50  # distinct ones that are looked at


@dataclass(frozen=True, eq=False)
class StatusFlag:
    """What a column of true and false, or of times, says of the sale.

    Attributes
    ----------
    status : str
        Of the rows that it sets apart, such as ``cancelled``.
    rows : ibis boolean column
    is_certain : bool
        Whether these rows are no sales. Times of a customer's cancelled subscription look the same as those of
        cancelled orders, and what was not shipped may be a sale all the same.
    """

    status: str
    rows: BooleanValue
    is_certain: bool = True

    def to_text(self) -> ibis.expr.types.StringValue:
        """Write the status into each row; null where it is none."""
        return ibis.ifelse(self.rows.fill_null(False), self.status, None).cast("string")


@dataclass(frozen=True)
class _FlagName:
    """What a column's name says of the rows where it is true, or of those where it is false."""

    status: str
    applies_where_true: bool
    is_certain: bool = True
    is_reason: bool = False


def detect_status_flag(raw: Table, column: str) -> StatusFlag | None:
    """Return what a column says if it is named like a status and holds flags or times; else None."""
    name = _parse_flag_name(column)
    if name is None:
        return None
    kind = raw[column].type()
    if name.is_reason:
        filled = raw[column].cast("string").strip().nullif("").notnull()
        return None if kind.is_nested() else StatusFlag(name.status, filled, is_certain=False)
    if kind.is_boolean():
        return StatusFlag(name.status, raw[column] if name.applies_where_true else ~raw[column], name.is_certain)
    if kind.is_temporal():
        return _flag_from_timestamps(name, raw[column].notnull())
    if not (kind.is_string() or kind.is_numeric()):
        return None
    text = raw[column].cast("string").strip().lower().nullif("")
    values = set(raw.select(value=text).distinct().limit(MAX_VALUES).to_pyarrow()["value"].to_pylist()) - {None}
    if values and values <= {*TRUE_CELLS, *FALSE_CELLS}:
        return StatusFlag(
            name.status, text.isin(TRUE_CELLS if name.applies_where_true else FALSE_CELLS), name.is_certain
        )
    if values and all(re.match("[0-9]+[-/.][0-9]+[-/.][0-9]", value) for value in values):
        return _flag_from_timestamps(name, text.notnull())
    return None


def is_named_like_status(column: str) -> bool:
    """Return whether a column is named after a status that is no sale, or one whose absence may be none."""
    return _parse_flag_name(column) is not None


def _parse_flag_name(column: str) -> _FlagName | None:
    for name in _list_name_stems(normalise_status(column)):
        if name in STATUS_IF_FALSE_BY_NAME:
            return _FlagName(STATUS_IF_FALSE_BY_NAME[name], applies_where_true=False)
        if USUAL_EFFECTS.get(name) in (RowAction.DROP, RowAction.NET):
            return _FlagName(name, applies_where_true=True)
        if name in PERHAPS_WHERE_FALSE:
            return _FlagName(PERHAPS_WHERE_FALSE[name], applies_where_true=False, is_certain=False)
        reason = REASON.fullmatch(name)
        state = "rejected" if name == SAP_REJECTION_REASON else STATES_BY_REASON.get(reason[1]) if reason else None
        if state:
            return _FlagName(state, applies_where_true=True, is_certain=False, is_reason=True)
        if re.fullmatch(UNSURE_IF_TRUE, name):
            return _FlagName(name, applies_where_true=True, is_certain=False)
    return None


def _list_name_stems(name: str) -> list[str]:
    """List a name and what is left of it without a verb, what it is said of, or an end, the longest first."""
    stems = {name}
    for affixes, remove in AFFIX_REMOVAL_STEPS:
        stems |= {remove(stem, affix) for stem in stems for affix in affixes}
    return [STEM_REPLACEMENTS.get(stem, stem) for stem in sorted(stems, key=lambda stem: (-len(stem), stem))]


def _flag_from_timestamps(name: _FlagName, filled: BooleanValue) -> StatusFlag | None:
    is_lost = USUAL_EFFECTS.get(name.status) is RowAction.DROP and (
        REVERSAL.search(name.status) or name.status.startswith(("void", "delet"))
    )
    return StatusFlag(name.status, filled, is_certain=False) if is_lost and name.applies_where_true else None
