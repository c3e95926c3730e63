"""Scoring services that are workloads of a cluster: what their pods answer.

The one place that knows both systems, the cluster's and the scorers': which pods there are the
cluster tells, what is asked and how answers are compared the scorers' system knows.
"""
