"""CometBFT nodes: what they answer, and how they are read, started and restarted."""
