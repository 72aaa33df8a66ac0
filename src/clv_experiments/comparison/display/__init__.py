"""A leaderboard as people see it: tables, figures, a page, a Markdown file, a model card."""
