"""Where transaction logs come from; each source hands over a raw table, its columns as they were."""
