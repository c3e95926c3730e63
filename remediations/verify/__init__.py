"""Postflight checks P1–P17 of docs/rules/checks.md, with testinfra over our own connections."""
