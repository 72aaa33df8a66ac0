"""The transaction log, its sources, cleaning and calendar."""
