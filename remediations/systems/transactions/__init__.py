"""Transactions of a chain: what is read of accounts and keys, and what is sent."""
