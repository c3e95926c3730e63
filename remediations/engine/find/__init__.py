"""What was concluded, for people: findings, their evidence, and how they are drawn."""
