"""What every HTML page of the project has in common: one file, no network, nothing of strangers that runs."""
