"""One file for each command; nothing else."""
