"""The catalogue: one module per playbook of the spec, found through an entry point."""
