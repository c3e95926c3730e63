"""From an alert to a verified recovery of a VirtEngine chain."""

__version__ = "0.1.0"
