"""What this machine's administrator decided: where trust begins, and which programs are started."""
