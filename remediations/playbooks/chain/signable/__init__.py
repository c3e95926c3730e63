"""Whether enough power can sign where the chain goes on (docs/whatif.md#can-they-sign-there)."""
