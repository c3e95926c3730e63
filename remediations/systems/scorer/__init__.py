"""What a scoring service answers, and how its model is exchanged."""
