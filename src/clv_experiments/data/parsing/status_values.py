"""What an order's status or a row's type says about its money.

Values are compared in lower case, without accents, blanks, hyphens and underscores: ``Pending payment`` is
``pendingpayment``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

from clv_experiments.data.parsing.role_names import normalise_name
from clv_experiments.data.parsing.status_words import DROP, KEEP, NET


class RowAction(Enum):
    """What becomes of a row."""

    KEEP = "keep"
    DROP = "drop"
    NET = "net"


REVERSAL_WORDS = (
    "refund|return|revers|credit|charge.?back|cancel|storn|erstatt|retour|rembours|annul|devol|iade|iptal|zwr|vrac|"
    "возвра|отмен|退|返|取消|キャンセル|환불|반품|취소"
)
# What follows in a phrase was not, or not altogether.
NEGATIONS = {
    "not", "non", "no", "nicht", "kein", "keine", "pas", "sin", "nao", "niet", "ikke", "inte", "never", "не",
    "partially", "partly", "teilweise", "partiellement", "parcialmente", "parzialmente", "gedeeltelijk",
    "czesciowo", "частично",
}  # fmt: skip
# They change nothing of what the other words of a phrase say.
FILLERS = {
    "the", "of", "by", "for", "to", "and", "is", "has", "been", "was", "fully", "completely", "all", "items",
    "customer", "de", "du", "des", "la", "le", "y", "et", "e", "di", "und", "von", "komplett", "wc",
}  # fmt: skip


@dataclass(frozen=True)
class StatusRules:
    """The known values and what the user added, which comes first.

    Attributes
    ----------
    user_rules : mapping of normalised value to RowAction
    """

    user_rules: Mapping[str, RowAction]

    def get_action(self, value: str | None) -> RowAction | None:
        """Return what becomes of the rows of a value; None if it is unknown. No value keeps them."""
        if value is None:
            return RowAction.KEEP
        name = normalise_status(value)
        effect = self.user_rules.get(name) or USUAL_EFFECTS.get(name) or USUAL_EFFECTS.get(re.sub("^wc", "", name))
        return effect or self._get_action_of_phrase(value)

    def _get_action_of_phrase(self, value: str) -> RowAction | None:
        """Look for what is known in a phrase such as ``Shipped - Returned to seller``: the least favourable counts.

        What follows a negation counts for nothing, and it is a sale only if all its words are known.
        """
        words = [normalise_status(word) for word in re.split(r"[\W_]+", value) if word]
        negation = next((position for position, word in enumerate(words) if word in NEGATIONS), len(words))
        is_negated, words = negation < len(words), words[:negation]
        effects: set[RowAction | None] = {None} if is_negated else set()
        while words:
            size = next((size for size in (3, 2, 1) if "".join(words[:size]) in USUAL_EFFECTS), 0)
            if size or words[0] not in FILLERS:
                effects.add(USUAL_EFFECTS["".join(words[:size])] if size else None)
            words = words[size or 1 :]
        worst = (effect for effect in (RowAction.DROP, RowAction.NET) if effect in effects)
        return next(worst, RowAction.KEEP if effects == {RowAction.KEEP} else None)


def normalise_status(value: str) -> str:
    """Normalise a value for comparison, as the name of a column, but without the degree sign that is an o in those."""
    return normalise_name(value.replace("°", ""))


def build_status_rules(
    keep: Collection[str] = (), drop: Collection[str] = (), net: Collection[str] = ()
) -> StatusRules:
    """Add the user's values to those that are known."""
    typed = zip(RowAction, (keep, drop, net), strict=True)
    return StatusRules({normalise_status(str(value)): effect for effect, values in typed for value in values})


USUAL_EFFECTS = {
    normalise_status(word): effect for effect, words in zip(RowAction, (KEEP, DROP, NET), strict=True) for word in words
}
REVERSAL = re.compile("|".join(unicodedata.normalize("NFKD", word) for word in REVERSAL_WORDS.split("|")))
