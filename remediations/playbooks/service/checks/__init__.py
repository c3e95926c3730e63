"""KP1 to KP4, as tests."""
