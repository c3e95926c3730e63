"""Keys of recipients that are out: whose they are, who can revoke them, and revoking them."""
