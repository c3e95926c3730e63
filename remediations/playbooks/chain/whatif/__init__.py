"""What the chain adds to `remediate whatif`: power that votes together, position, jailing."""
