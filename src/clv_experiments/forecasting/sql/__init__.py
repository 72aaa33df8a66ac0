"""Forecasts of BTYD models as SQL, computed where the customers are."""
