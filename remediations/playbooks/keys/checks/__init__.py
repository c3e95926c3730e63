"""RP1 to RP5, as tests."""
