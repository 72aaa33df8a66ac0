"""The business at a glance, from the log alone: growth, customers, retention, concentration, countries, seasons."""
