"""Queries of a log that return one row per customer, month or day."""
