"""The alert rules that domains bring, and what Prometheus makes of them."""
