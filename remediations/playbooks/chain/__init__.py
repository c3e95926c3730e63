"""A CometBFT chain that has halted, or lost a node."""
