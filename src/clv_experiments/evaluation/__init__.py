"""Scores, tables and pictures of a forecast, as typed records."""
