"""Applies one approved plan, step by step, with everything in a journal first."""
