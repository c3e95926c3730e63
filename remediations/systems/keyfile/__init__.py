"""Readers of envelopes: the private key file of each, and how it is told of another one."""
