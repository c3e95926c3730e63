"""Workloads of one namespace of a Kubernetes cluster: read, and changed by guarded patches."""
