"""Searches for settings that never see the holdout: spaces, trials, studies that resume, and what they came to."""
