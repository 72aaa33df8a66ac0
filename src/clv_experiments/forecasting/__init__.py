"""The protocol: what each family may see before a cutoff, and how its forecasts are evaluated."""
