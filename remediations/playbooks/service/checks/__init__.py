"""KP1 to KP7, as tests."""
