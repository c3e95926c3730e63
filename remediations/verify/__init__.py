"""Postflight checks P1–P17 of chain-recovery §7.3, with testinfra over our own connections."""
