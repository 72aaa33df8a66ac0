"""Uncertainty of least-squares coefficients when one customer has many rows in the training panel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.confidence_intervals import bootstrap_counts

# Eigenvalues of a correlation-like matrix below this share of the largest are rounding, not information.
RANK_TOLERANCE = 1e-10


def clustered_covariance(design: Floats, residuals: Floats, cluster: NDArray[np.intp], penalty: Floats) -> Floats:
    """Return the covariance (k, k) of coefficients, allowing for correlation among the rows of one customer.

    Parameters
    ----------
    design : (n, k) with its intercept column, columns of like scale.
    residuals : (n,) actual less fitted.
    cluster : (n,) customer numbers from 0 without gaps.
    penalty : (k,) ridge penalty of each squared coefficient, 0 for least squares.

    Notes
    -----
    The sandwich of Liang and Zeger (1986) with the small-sample factor G/(G-1) (n-1)/(n-k) of Cameron and
    Miller (2015), k the rank; a ridge fit keeps its penalty in the bread. nan with one customer, or as
    many coefficients as rows.
    """
    rows, columns = design.shape
    customers = cluster.max() + 1
    gram = design.T @ design
    rank = np.linalg.matrix_rank(gram, hermitian=True, rtol=RANK_TOLERANCE)
    if customers < 2 or rows <= rank:
        return np.full((columns, columns), np.nan)
    scores = sum_scores_by_cluster(design, residuals, cluster)
    bread = np.linalg.pinv(gram + np.diag(penalty), rtol=RANK_TOLERANCE, hermitian=True)
    factor = customers / (customers - 1) * (rows - 1) / (rows - rank)
    return factor * bread @ (scores.T @ scores) @ bread


def sum_scores_by_cluster(design: Floats, residuals: Floats, cluster: NDArray[np.intp]) -> Floats:
    """Return what the rows of each customer add to the estimating equations, shape (customers, k)."""
    scores = np.zeros((cluster.max() + 1, design.shape[1]))
    np.add.at(scores, cluster, design * residuals[:, None])
    return scores


def cluster_bootstrap(
    design: Floats,
    y: Floats,
    cluster: NDArray[np.intp],
    penalty: Floats,
    *,
    replicates: int,
    rng: np.random.Generator,
    on_progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """Return coefficients (replicates, k) refitted on customers drawn with replacement, all rows of each together.

    A resample is a weight: each refit solves weighted normal equations, by least norm where columns are collinear.
    Arguments as for `clustered_covariance`; `on_progress` is called with (done, replicates) after each refit.
    """
    refits = np.empty((replicates, design.shape[1]))
    for replicate, counts in enumerate(bootstrap_counts(cluster.max() + 1, replicates, rng)):
        root = np.sqrt(counts)[cluster]
        refits[replicate] = solve_least_norm(design * root[:, None], root * y, penalty)
        if on_progress is not None:
            on_progress(replicate + 1, replicates)
    return refits


def solve_least_norm(design: Floats, y: Floats, penalty: Floats) -> Floats:
    """Return the (ridge) least-squares coefficients (k,), those of least norm where columns are collinear."""
    bread = np.linalg.pinv(design.T @ design + np.diag(penalty), rtol=RANK_TOLERANCE, hermitian=True)
    return bread @ (design.T @ y)


def variance_inflation_factors(standardised: Floats) -> Floats:
    """Return the variance inflation factor (k,) of each standardised column (n, k), inf where exactly collinear.

    1 / (1 - R2) of the column on all others, read off the inverse correlation matrix; a constant column repeats the
    intercept and is inf too.
    """
    correlation = standardised.T @ standardised / len(standardised)
    values, vectors = np.linalg.eigh(correlation)
    null = values <= RANK_TOLERANCE * max(values[-1], 1.0)
    factors = (vectors[:, ~null] ** 2 / values[~null]).sum(axis=1)
    # A column takes part in a collinear relation when a direction without variance loads on it.
    collinear = (vectors[:, null] ** 2).sum(axis=1) > 1e-8
    return np.where(collinear, np.inf, factors)
