"""Linux hosts with systemd, over SSH: how they are read, and how a step runs there at most once."""
