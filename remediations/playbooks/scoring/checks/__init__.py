"""What proves that scores agree again, as tests that a plan promises by their ids."""
