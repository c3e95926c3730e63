"""Checks P1–P17 of docs/rules/checks.md, as tests with testinfra over our own connections.

By hand: `pytest --pyargs remediations.playbooks.chain.checks --remediate-run DIRECTORY`.
"""
