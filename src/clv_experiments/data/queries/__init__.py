"""Questions to a log, answered with one row a customer, month or day."""
