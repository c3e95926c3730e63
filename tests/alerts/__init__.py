"""The histories on which alert rules are tried (`DOMAIN.yaml`), and what tests of rules share."""
