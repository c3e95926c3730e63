"""Concludes from an observation what is wrong, and which readings show it. Pure."""
