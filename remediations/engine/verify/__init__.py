"""Runs the checks that a plan promises, and reports how each ended."""
