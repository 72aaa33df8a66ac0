"""From raw columns to typed lines."""
