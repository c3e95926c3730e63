"""From readings of scoring services to a finding. Pure."""
