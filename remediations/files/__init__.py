"""Files on which trust depends: how they are read, and how they are written."""
