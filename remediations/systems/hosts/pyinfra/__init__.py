"""The pyinfra extension: the connector and the one kind of command that deploys use.

It works with plain `pyinfra` too; nothing here imports the engine.
"""
