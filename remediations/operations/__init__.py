"""A normal pyinfra extension: operations, facts and the connector that the deploys use.

Everything here works with plain `pyinfra` too; nothing imports the engine.
"""
