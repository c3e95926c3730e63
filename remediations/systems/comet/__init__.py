"""CometBFT and its nodes: what they answer, how they are read, started and restarted."""
