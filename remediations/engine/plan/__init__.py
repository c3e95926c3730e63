"""What will be done, where, and what could go wrong: facts, guards, stages, digest, rendering."""
