"""The same for every remediation: it knows no chain, no cluster and no queue."""
