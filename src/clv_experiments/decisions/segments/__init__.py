"""Customers in groups that a shop can act on: by their history, by likeness, by what is expected of them."""
