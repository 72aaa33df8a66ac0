"""Customer ids that differ in case only: e-mail addresses are the same, of others the user decides."""

from __future__ import annotations

import ibis
from ibis.expr.types import StringValue, Table

from clv_experiments.data.cleaning.checks import check_choice
from clv_experiments.data.cleaning.report import Change, Step, count_rows

EMAIL = "_%@_%"  # something, @, something
POLICIES = ("emails", "fold", "keep")


def id_case(policy: str = "emails") -> Step:
    """Write customer ids that are e-mail addresses in lower case, and say which others differ in case only.

    Parameters
    ----------
    policy : {"emails", "fold", "keep"}
        ``fold`` writes all ids in lower case, ``keep`` leaves all as they are.

    Raises
    ------
    ClvError
        If the policy is unknown.
    """
    check_choice(policy, POLICIES, "id_case.policy")

    def fold(customer_id: StringValue) -> StringValue:
        lower = customer_id.lower()
        return lower if policy == "fold" else ibis.ifelse(customer_id.like(EMAIL), lower, customer_id)

    def apply(t: Table, ids: Table) -> Table | Change:
        if policy == "keep":
            return t
        customer = ids.customer_id
        differ = {"in_case": count_rows(customer != customer.lower()), "folded": count_rows(customer != fold(customer))}
        rows = ids.aggregate(**differ).to_pyarrow().to_pylist()[0]
        if not rows["in_case"]:
            return t
        return Change(t.mutate(customer_id=fold(t.customer_id)) if rows["folded"] else t, tuple(_describe(policy, ids)))

    return Step("ids in lower case", apply, reads_ids=True)


def _describe(policy: str, ids: Table) -> list[str]:
    ids = ids.mutate(lower=ids.customer_id.lower(), is_email=ids.customer_id.like(EMAIL))
    groups = ids.group_by("lower", "is_email").agg(spellings=ids.count(), example=ids.customer_id.max())
    twins = groups.filter(groups.spellings > 1).group_by("is_email")
    rows = twins.agg(more=lambda g: (g.spellings - 1).sum(), example=lambda g: g.example.max()).to_pyarrow().to_pylist()
    notes = []
    for row in sorted(rows, key=lambda row: not row["is_email"]):
        kind = "e-mail address(es)" if row["is_email"] else "customer id(s)"
        examples = f"{row['more']:,} {kind}, such as '{row['example']}',"
        if row["is_email"] or policy == "fold":
            fate = "are the same customer (data.cleaning.id_case.policy=keep tells them apart)"
        else:
            fate = "stay customers of their own: data.cleaning.id_case.policy=fold makes one of each"
        notes.append(f"{examples} differ from another in case only and {fate}")
    return notes
