"""What would happen if targets stopped, links broke, or a branch ran (docs/whatif.md)."""
