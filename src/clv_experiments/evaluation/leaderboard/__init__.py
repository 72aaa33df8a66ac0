"""Who wins a cell, by how much, and whether it is luck."""
