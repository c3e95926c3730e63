"""What a chain proves of itself: blocks by the signatures of their validators (CometBFT 0.38)."""
