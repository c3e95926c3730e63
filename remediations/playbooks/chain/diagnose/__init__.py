"""Concludes from an Observation what is wrong, with the readings that support it. Pure."""
