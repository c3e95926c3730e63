"""The report of a run, written from its journal and observations: Markdown, JSON, one HTML file."""
