"""Where transaction logs come from; each source returns a raw table with its original columns."""
