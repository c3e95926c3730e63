"""Scores that agree: what to do when scoring services answer differently, slowly or not at all."""
