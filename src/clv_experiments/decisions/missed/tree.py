"""A shallow tree that sorts likely customers by how many stayed away, and whether it does so better than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clv_experiments.decisions.missed.traits import TRAITS
from clv_experiments.decisions.segments.resampling import TAILS
from clv_experiments.evaluation.binomial import wilson
from clv_experiments.evaluation.checks import Floats

DEPTH = 2
SMALLEST = 20  # customers in a leaf, and who stayed away or came at all
LEAF = 0.05  # of all, in a leaf
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Tree:
    """Groups of customers and how many of each stayed away.

    Attributes
    ----------
    leaves : pandas.DataFrame
        ``who`` (in words), ``customers``, ``missed``, ``share``, ``low``, ``high`` (95 %, Wilson 1927, for all leaves
        at once), counted on the half of the customers that the tree was not grown from (Athey and Imbens 2016, honest
        estimation); the highest share first.
    auc : tuple of three floats
        Of customers whom the tree had not seen, with the ends of its 95 % bootstrap interval: 0.5 is chance.
    """

    leaves: pd.DataFrame
    auc: tuple[float, float, float]

    @property
    def share_of_rest(self) -> float:
        """Share that stayed away of all who are not in the first leaf."""
        rest = self.leaves.iloc[1:]
        return float(rest["missed"].sum() / rest["customers"].sum())

    @property
    def tells(self) -> bool:
        """Whether it tells who stays away better than chance, of customers whom it has not seen."""
        return self.auc[1] > 0.5

    @property
    def stands_out(self) -> bool:
        """Whether its first leaf holds more who stayed away than the rest, beyond chance."""
        return bool(self.leaves["low"].iloc[0] > self.share_of_rest)


def tree(traits: pd.DataFrame, missed: ArrayLike, currency: str, replicates: int, seed: int) -> Tree | None:
    """Grow a tree over the history of likely customers.

    Parameters
    ----------
    traits : pandas.DataFrame
        Columns of ``TRAITS``; predictions among them are not used, since they only repeat what was expected.
    missed : array of bool, shape (customers,)
    currency : str
    replicates, seed : int

    Returns
    -------
    Tree or None
        None where there are too few customers of either kind to make two groups.
    """
    away = np.asarray(missed, dtype=bool)
    if min(away.sum(), (~away).sum()) < SMALLEST:
        return None
    from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
    from sklearn.tree import DecisionTreeClassifier

    names = [name for name in TRAITS if name in traits and not TRAITS[name].foretold]
    X, least = traits[names].to_numpy(), max(SMALLEST, int(LEAF * len(traits)))
    model = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=least, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    unseen = cross_val_predict(model, X, away, cv=folds, method="predict_proba")[:, 1]
    grown_from, counted_on = train_test_split(np.arange(len(X)), test_size=0.5, stratify=away, random_state=seed)
    model.fit(X[grown_from], away[grown_from])
    leaves = _leaves(model, names, X[counted_on], away[counted_on], currency)
    return Tree(leaves, _auc(unseen, away, replicates, seed)) if len(leaves) > 1 else None


def _auc(score: Floats, away: np.ndarray, replicates: int, seed: int) -> tuple[float, float, float]:
    """Return the AUC and its interval, both kinds of customers resampled; scores are few, so counts of each do."""
    levels, place = np.unique(score, return_inverse=True)
    hits, others = (np.bincount(place[rows], minlength=len(levels)) for rows in (away, ~away))
    rng = np.random.default_rng(seed)
    drawn_hits, drawn_others = (
        rng.multinomial(counts.sum(), counts / counts.sum(), size=replicates) for counts in (hits, others)
    )
    low, high = np.quantile(_area(drawn_hits, drawn_others), TAILS)
    return float(_area(hits[None], others[None])[0]), float(low), float(high)


def _area(hits: np.ndarray, others: np.ndarray) -> Floats:
    """Return the share of pairs in which the hit scores higher, ties half; counts by rising score, one row a sample."""
    below = np.cumsum(others, axis=1) - others / 2
    return (hits * below).sum(axis=1) / (hits.sum(axis=1) * others.sum(axis=1))


def _leaves(model: Any, names: list[str], X: Floats, away: np.ndarray, currency: str) -> pd.DataFrame:
    """Count other customers in the leaves."""
    leaf, rows = model.apply(X), []
    for node, words in _paths(model.tree_, names, currency):
        inside = leaf == node
        customers, missed = int(inside.sum()), int(away[inside].sum())
        if customers:
            rows.append((words, customers, missed))
    table = pd.DataFrame(rows, columns=["who", "customers", "missed"])
    table["share"] = table["missed"] / table["customers"]
    table["low"], table["high"] = wilson(table["share"], table["customers"], together=len(table))
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _paths(grown: Any, names: list[str], currency: str) -> list[tuple[int, str]]:
    """List every leaf with the conditions that lead to it; a narrower condition replaces a wider one of its kind."""
    found: list[tuple[int, str]] = []
    open_nodes: list[tuple[int, dict[tuple[str, str], str]]] = [(0, {})]
    while open_nodes:
        node, conditions = open_nodes.pop()
        if grown.children_left[node] < 0:
            found.append((node, " and ".join(conditions.values()) or "everyone"))
            continue
        name = names[grown.feature[node]]
        trait = TRAITS[name]
        value = trait.limit(grown.threshold[node], currency)
        for side, child, words in (
            ("within", grown.children_left[node], trait.within),
            ("above", grown.children_right[node], trait.above),
        ):
            open_nodes.append((child, conditions | {(name, side): words.format(value)}))
    return found
