"""Values that every room shares: how they are written, read, and named."""
