"""Runs the checks that a plan promises, and tells what each came to."""
