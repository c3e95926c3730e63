"""Reads the world into an Observation, and changes nothing."""
