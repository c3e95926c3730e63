"""RP1 to RP11, as tests."""
