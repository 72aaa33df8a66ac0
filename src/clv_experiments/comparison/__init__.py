"""Models compared on the same customers and periods: who wins, by how much, and is it luck."""
