"""Scoring services that are workloads of a cluster: what their answers amount to."""
