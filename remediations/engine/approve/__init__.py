"""SSH signatures over a plan, and who may give them."""
