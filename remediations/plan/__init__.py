"""Guards, stages, digest and rendering: what will be done, where, and what could go wrong. Pure."""
