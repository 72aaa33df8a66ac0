"""Customers who were predicted to buy and did not, and those of high value who are slipping away."""

from clv_experiments.decisions.missed.likely import is_missed

__all__ = ["is_missed"]
