"""Figures: what the product costs, each beside a named peer that does the same work."""
