"""The report for people: sections and exhibits as one HTML page."""
