"""Pure domain values: no clock, no network, nothing of the other rooms."""
