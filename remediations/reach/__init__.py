"""The only room that opens connections to hosts."""
