"""A run on disk: its directory, its journal, its lock, and where it stands."""
