"""Estimators of expected holdout spend, one a file."""
