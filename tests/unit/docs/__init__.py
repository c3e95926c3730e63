"""What the documentation says, put to the test."""
