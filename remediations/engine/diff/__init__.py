"""What changed from one observation to another: conclusions first, then readings."""
