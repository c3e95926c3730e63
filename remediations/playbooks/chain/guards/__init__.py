"""What must hold before a node is acted on, and for the validator set as a whole."""
