"""Derived credentials and sessions: what resets them, and what tells whether they are reset."""
