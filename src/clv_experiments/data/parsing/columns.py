"""Which column of a raw log plays which role: as the user named them, or guessed from usual names and contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from clv_experiments.data.parsing.column_contents import ColumnSample
from clv_experiments.data.parsing.column_messages import (
    describe_open_role,
    format_column_choices,
    list_alternatives_to_naming_column,
    quote_for_command_line,
    suggest_columns,
)
from clv_experiments.data.parsing.discount_guesses import guess_discounts
from clv_experiments.data.parsing.role_guesses import (
    RoleGuess,
    guess_by_contents,
    guess_by_name,
    prefer_net_of_refunds,
    prefer_total_over_unit_price,
    prefer_totals_net_of_discount,
)
from clv_experiments.data.parsing.role_names import USUAL_NAMES, normalise_name, rank_name
from clv_experiments.errors import ClvError

MAY_SHARE = {"product", "product_name"}  # one column may play both: a description is all that some logs have


@dataclass(frozen=True)
class ColumnRoles:
    """The column of each role.

    Attributes
    ----------
    by_role : mapping of role to column
        Always ``customer_id``, ``date`` and, unless the log has no amounts, either ``amount`` or both ``quantity`` and
        ``unit_price``.
    guessed : tuple of str
        Roles that the user did not name.
    other_candidates : mapping of role to columns
        Other columns whose names would have fitted a guessed role.
    possible_quantity : str, optional
        A column that may count units of a guessed amount, which nothing in their names says.
    cells_in_cents : frozenset of str
        Columns of cells such as ``1299 cents``.
    """

    by_role: Mapping[str, str]
    guessed: tuple[str, ...]
    other_candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    possible_quantity: str | None = None
    cells_in_cents: frozenset[str] = frozenset()

    @property
    def has_amounts(self) -> bool:
        """Whether the log says what was paid."""
        return "amount" in self.by_role or {"quantity", "unit_price"} <= set(self.by_role)

    def __str__(self) -> str:
        """List the guesses that were not obvious."""
        notable = [role for role in self.guessed if self.by_role[role] != role or self.other_candidates.get(role)]
        pairs = [f"{role}={self.by_role[role]}{self._describe_other_candidates(role)}" for role in notable]
        paid = "amount" in self.guessed and normalise_name(self.by_role["amount"]) in USUAL_NAMES["unit_price"]
        price = f"; {self.by_role['amount']} is taken as what was paid" if paid else self._describe_possible_price()
        return f"columns guessed: {', '.join(pairs)} (data.columns says otherwise){price}" if pairs else ""

    def _describe_possible_price(self) -> str:
        if not self.possible_quantity:
            return ""
        quantity, price = quote_for_command_line(self.possible_quantity), quote_for_command_line(self.by_role["amount"])
        return (
            f"; if {self.possible_quantity} counts units and {self.by_role['amount']} is the price of one, type "
            f"data.columns.quantity={quantity} data.columns.unit_price={price}"
        )

    def _describe_other_candidates(self, role: str) -> str:
        return f" rather than {' or '.join(others)}" if (others := self.other_candidates.get(role)) else ""


def choose_column_roles(
    available: Sequence[str],
    named: Mapping[str, str | bool | None],
    log: str,
    contents: ColumnSample | None = None,
) -> ColumnRoles:
    """Find the column of each role.

    Parameters
    ----------
    available : sequence of str
        Columns of the raw log.
    named : mapping of role to column
        What the user typed; None leaves it to a guess, False means that there is none.
    log : str
        Name of the log, for messages.
    contents : ColumnSample, optional
        What the columns hold; by default their names alone decide.

    Returns
    -------
    ColumnRoles

    Raises
    ------
    ClvError
        If a named column does not exist (the nearest names are suggested) or is named for two roles, a role is
        unknown, or required columns cannot be guessed or could be several: all of them in one message.
    """
    by_role = _resolve_named_columns(available, named, log)
    guesses = {role: RoleGuess() for role in USUAL_NAMES}
    for role in USUAL_NAMES:
        if _needs_guess(role, by_role, named):
            used = {*by_role.values(), *(guess.column for guess in guesses.values())}
            guesses[role] = guess_by_name(role, [column for column in available if column not in used], contents)
    _move_price_to_amount(by_role, named, guesses)
    if contents:
        unused = [c for c in available if c not in {*by_role.values(), *(guess.column for guess in guesses.values())}]
        guess_by_contents(by_role, named, guesses, unused, contents)
        prefer_net_of_refunds(available, by_role, guesses, contents)
    chosen = {role: guess.column for role, guess in guesses.items() if guess.column is not None}
    if contents:
        prefer_total_over_unit_price(by_role, chosen, guesses, contents)
        prefer_totals_net_of_discount(by_role, chosen, guesses, contents)
        chosen |= guess_discounts(available, by_role | chosen, named, contents)
    if named.get("amount") is False and "quantity" not in by_role | chosen:
        chosen.pop("unit_price", None)  # a price without a quantity would be what was paid
    _check_required_roles(by_role | chosen, guesses, named, available, log, contents)
    free = set(available) - {*by_role.values(), *chosen.values()}
    passed_over = {role: tuple(c for c in guesses[role].other_candidates if c in free) for role in chosen}
    roles = ColumnRoles(by_role | chosen, tuple(chosen), passed_over)
    return replace(roles, possible_quantity=_find_possible_quantity(roles, available, contents))


def _find_possible_quantity(roles: ColumnRoles, available: Sequence[str], contents: ColumnSample | None) -> str | None:
    """Return a free column of small numbers, where an amount was guessed from what its column holds alone."""
    amount = roles.by_role.get("amount")
    if contents is None or "amount" not in roles.guessed or "quantity" in roles.by_role or amount is None:
        return None
    free = [column for column in available if column not in roles.by_role.values()]
    is_unnamed = rank_name("amount", amount) is None and rank_name("unit_price", amount) is None
    return next((column for column in free if contents.could_be_quantity(column)), None) if is_unnamed else None


def _needs_guess(role: str, by_role: Mapping[str, str], named: Mapping[str, str | bool | None]) -> bool:
    if not USUAL_NAMES[role]:  # no name alone speaks for it
        return False
    priced = role == "amount" and {"quantity", "unit_price"} <= set(by_role)  # named by the user
    return role not in by_role and named.get(role) is not False and not priced


def _move_price_to_amount(
    by_role: Mapping[str, str], named: Mapping[str, str | bool | None], guesses: dict[str, RoleGuess]
) -> None:
    """Take a guessed price without a quantity as what was paid."""
    has_others = any(role in by_role or guesses[role].has_candidates for role in ("amount", "quantity"))
    if guesses["unit_price"].column is not None and not has_others and _needs_guess("amount", by_role, named):
        guesses["amount"], guesses["unit_price"] = guesses["unit_price"], RoleGuess()


def _resolve_named_columns(
    available: Sequence[str], named: Mapping[str, str | bool | None], log: str
) -> dict[str, str]:
    by_role: dict[str, str] = {}
    for role, column in named.items():
        if role not in USUAL_NAMES:
            near = get_close_matches(role, USUAL_NAMES, n=1)
            hint = f"did you mean data.columns.{near[0]}?" if near else f"the roles are {', '.join(USUAL_NAMES)}"
            raise ClvError(f"data.columns.{role} is no role of a column; {hint}")
        if column is True:
            raise ClvError(f"data.columns.{role} must be the name of a column, false or null, got 'True'")
        if column is None or column is False:
            continue
        if str(column) not in available:
            raise ClvError(
                f"log '{log}' has no column '{column}' (data.columns.{role}); {suggest_columns(column, available)}"
            )
        by_role[role] = str(column)
    _check_each_has_one_role(by_role, log)
    return by_role


def _check_each_has_one_role(by_role: Mapping[str, str], log: str) -> None:
    for column in dict.fromkeys(by_role.values()):
        roles = [role for role, other in by_role.items() if other == column]
        if len(roles) > 1 and not set(roles) <= MAY_SHARE:
            settings = " and ".join(f"data.columns.{role}" for role in roles)
            raise ClvError(
                f"{settings} of log '{log}' all name the column '{column}', which can play one role only; "
                "leave out all but one of them"
            )


def _check_required_roles(
    by_role: Mapping[str, str],
    guesses: Mapping[str, RoleGuess],
    named: Mapping[str, str | bool | None],
    available: Sequence[str],
    log: str,
    contents: ColumnSample | None,
) -> None:
    problems, advice = list[str](), list[str]()
    assigned = {*by_role.values(), *(rival for guess in guesses.values() for rival in guess.rivals)}
    free = [column for column in available if column not in assigned]
    missing = _list_missing_money_roles(by_role, guesses["amount"], named, free, contents)
    for role in (role for role in ("customer_id", "date", *missing) if role not in by_role):
        problems.append(describe_open_role(role, guesses[role], by_role, log, first=not problems))
        listed = free if role in ("amount", "quantity") else free or available
        choices = format_column_choices(role, guesses[role], free, listed, contents)
        advice += [f"data.columns.{role}={choices}"] if choices else []
    if problems:
        alternatives = [" ".join(advice), *list_alternatives_to_naming_column(by_role, guesses, free, missing)]
        raise ClvError(f"{', and '.join(problems)}: type {', or '.join(filter(None, alternatives))}")


def _list_missing_money_roles(
    by_role: Mapping[str, str],
    amount: RoleGuess,
    named: Mapping[str, str | bool | None],
    free: Sequence[str],
    contents: ColumnSample | None,
) -> tuple[str, ...]:
    """List what is missing to know what was paid; none if the user says so, or no column is left that could be it."""
    if named.get("amount") is False or "amount" in by_role or {"quantity", "unit_price"} <= set(by_role):
        return ()
    is_open = bool({"unit_price", "quantity"} & set(by_role) or amount.rivals or amount.doubts)
    if contents is not None and not is_open and not any(contents.holds_mostly_numbers(column) for column in free):
        return ()
    return ("quantity",) if "unit_price" in by_role else ("amount",)
