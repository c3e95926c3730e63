"""Scoring services that are workloads of a cluster: what their pods answer.

The one system that stands on two others: which pods there are the cluster's knows, what is asked
and how answers are compared the scorers' does.
"""
