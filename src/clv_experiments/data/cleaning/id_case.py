"""Customer ids that differ in case only: e-mail addresses are the same, of others the user decides."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from clv_experiments.data.cleaning.checks import check_choice
from clv_experiments.data.cleaning.report import Change, Step

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

    def apply(t: Table) -> Table | Change:
        if policy == "keep" or not (t.customer_id != t.customer_id.lower()).any().to_pyarrow().as_py():
            return t
        lower = t.customer_id.lower()
        folded = lower if policy == "fold" else ibis.ifelse(t.customer_id.like(EMAIL), lower, t.customer_id)
        return Change(t.mutate(customer_id=folded), tuple(_describe(policy, t)))

    return Step("ids in lower case", apply)


def _describe(policy: str, t: Table) -> list[str]:
    ids = t.filter(t.customer_id.notnull()).select("customer_id").distinct()
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
