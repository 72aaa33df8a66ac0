"""Decisions as people see them: sections of the report with their tables and figures; the prose is in templates."""
