"""Features of each customer, known at a cutoff."""
