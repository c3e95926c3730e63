"""The system `kubernetes`: what is read, what is written, and at most once."""
