"""Guards on scoring services (ids: docs/rules/guards.md)."""
