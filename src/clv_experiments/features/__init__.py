"""What is known of each customer at a cutoff."""
