"""What must hold before a node is started, and before the set as a whole changes."""
