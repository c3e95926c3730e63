"""Where envelopes lie (file trees, S3, PostgreSQL), and what is sealed in them (docs/stores.md)."""
