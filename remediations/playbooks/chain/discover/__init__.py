"""Proposes an inventory from a few hosts and what their chain says."""
