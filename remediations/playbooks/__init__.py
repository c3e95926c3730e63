"""The domains: one package each, with its playbooks, found through an entry point."""
