"""A benchmark as a page with its picture."""
