"""How the default does beside other tools, on the same customers and cutoffs."""
