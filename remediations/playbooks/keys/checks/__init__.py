"""RP1 to RP6, as tests."""
