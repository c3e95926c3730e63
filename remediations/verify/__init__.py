"""Postflight checks P1–P17 of docs/verification.md, with testinfra over our own connections."""
