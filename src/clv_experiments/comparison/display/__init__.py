"""A leaderboard as people see it: tables, figures, a page, a README, a model card."""
