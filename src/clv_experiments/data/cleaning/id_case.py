"""Customer ids that differ in case or leading zeros only: e-mail addresses are the same, else the user decides."""

from __future__ import annotations

import ibis
from ibis.expr.types import StringValue, Table

from clv_experiments.data.cleaning.checks import check_choice
from clv_experiments.data.cleaning.report import Step, StepResult
from clv_experiments.data.parsing.cells import aggregate_row, count_true

PADDED = "^0+[1-9][0-9]*$"  # of which spreadsheets drop the zeros
EMAIL_LIKE_PATTERN = "_%@_%"  # something, @, something


def id_case(policy: str = "emails") -> Step:
    """Write customer ids that are e-mail addresses in lower case, and say which others differ in case or zeros only.

    Parameters
    ----------
    policy : {"emails", "fold", "keep"}
        ``fold`` writes all ids in lower case, and those without leading zeros that are there without them too;
        ``keep`` leaves all as they are.

    Raises
    ------
    ClvError
        If the policy is unknown.
    """
    check_choice(policy, ("emails", "fold", "keep"), "id_case.policy")

    def fold(customer_id: StringValue) -> StringValue:
        lower = customer_id.lower()
        return lower if policy == "fold" else ibis.ifelse(customer_id.like(EMAIL_LIKE_PATTERN), lower, customer_id)

    def apply(t: Table, ids: Table) -> Table | StepResult:
        if policy == "keep":
            return t
        customer = ids.customer_id
        rows = aggregate_row(
            ids,
            in_case=count_true(customer != customer.lower()),
            folded=count_true(customer != fold(customer)),
            padded=count_true(customer.re_search(PADDED)),
        )
        notes = _describe_ids_differing_in_case(policy, ids) if rows["in_case"] else []
        padded = _list_zero_padded_ids(ids) if rows["padded"] else []
        if rows["folded"]:
            t = t.mutate(customer_id=fold(t.customer_id))
        if padded and policy == "fold":
            t = t.mutate(
                customer_id=ibis.ifelse(t.customer_id.isin(padded), _strip_leading_zeros(t.customer_id), t.customer_id)
            )
        if padded:
            examples = f"{len(padded):,} customer id(s), such as '{padded[0]}',"
            notes.append(
                f"{examples} differ from another in leading zeros only and {_describe_treatment(policy, False)}"
            )
        return StepResult(t, tuple(notes))

    return Step("ids in lower case", apply, takes_customer_ids=True)


def _strip_leading_zeros(customer_id: StringValue) -> StringValue:
    return customer_id.re_replace("^0+", "")


def _list_zero_padded_ids(ids: Table) -> list[str]:
    """List the ids that are there without their leading zeros, too."""
    padded = ids.filter(ids.customer_id.re_search(PADDED)).mutate(bare=lambda t: _strip_leading_zeros(t.customer_id))
    twins: list[str] = padded.semi_join(ids, padded.bare == ids.customer_id).customer_id.to_pyarrow().to_pylist()
    return sorted(twins)


def _describe_treatment(policy: str, is_email: bool) -> str:
    if is_email or policy == "fold":
        return "are the same customer (data.cleaning.id_case.policy=keep tells them apart)"
    return "stay customers of their own: data.cleaning.id_case.policy=fold makes one of each"


def _describe_ids_differing_in_case(policy: str, ids: Table) -> list[str]:
    ids = ids.mutate(lower=ids.customer_id.lower(), is_email=ids.customer_id.like(EMAIL_LIKE_PATTERN))
    groups = ids.group_by("lower", "is_email").agg(spellings=ids.count(), example=ids.customer_id.max())
    twins = groups.filter(groups.spellings > 1).group_by("is_email")
    rows = twins.agg(more=lambda g: (g.spellings - 1).sum(), example=lambda g: g.example.max()).to_pyarrow().to_pylist()
    notes = []
    for row in sorted(rows, key=lambda row: not row["is_email"]):
        kind = "e-mail address(es)" if row["is_email"] else "customer id(s)"
        examples = f"{row['more']:,} {kind}, such as '{row['example']}',"
        notes.append(f"{examples} differ from another in case only and {_describe_treatment(policy, row['is_email'])}")
    return notes
