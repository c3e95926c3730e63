"""A service whose workload runs on Kubernetes, and answers with errors or not at all."""
