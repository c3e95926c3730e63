"""What can be done to a node of the chain, and everything that must hold before it is."""

from __future__ import annotations

from remediations.engine.domain import Action
from remediations.playbooks.chain.facts import (
    install_data,
    install_facts,
    node_data,
    node_facts,
    rollback_data,
    rollback_facts,
)
from remediations.playbooks.chain.guards.table import (
    ENABLE_GUARDS,
    HOLD_GUARDS,
    INSTALL_GUARDS,
    ROLLBACK_GUARDS,
    START_GUARDS,
)
from remediations.playbooks.chain.impact import (
    no_effect,
    restart_effect,
    start_effect,
    stop_cost,
    stop_effect,
)
from remediations.playbooks.chain.program import INSTALLS

START = Action(
    name="node.start",
    driver="host",
    deploy="start_node",
    facts=node_facts,
    data=node_data,
    guards=START_GUARDS,
    effects=restart_effect,
    undo_cost=stop_cost,
)
"""For a node without a process."""

RESTART = Action(
    name="node.restart",
    driver="host",
    deploy="restart_node",
    facts=node_facts,
    data=node_data,
    guards=START_GUARDS,
    effects=restart_effect,
)
"""For a node whose process exists, but is dead."""

ENABLE = Action(
    name="node.enable",
    driver="host",
    deploy="enable_node",
    facts=node_facts,
    data=node_data,
    guards=ENABLE_GUARDS,
    effects=no_effect,
)
"""For a node that should come back after a reboot. Nothing is started now."""

RELEASE = Action(
    name="node.release",
    driver="host",
    deploy="release_node",
    facts=node_facts,
    data=node_data,
    guards=START_GUARDS,
    effects=restart_effect,
    undo_cost=stop_cost,
)
"""For a node that a run holds, and did not let go."""

HOLD = Action(
    name="node.hold",
    driver="host",
    deploy="hold_node",
    facts=rollback_facts,
    data=rollback_data,
    guards=HOLD_GUARDS,
    effects=stop_effect,
)
"""Before a rollback: stopped, and nobody starts it."""

ROLL_BACK = Action(
    name="node.rollback",
    driver="host",
    deploy="rollback_node",
    facts=rollback_facts,
    data=rollback_data,
    guards=ROLLBACK_GUARDS,
    effects=no_effect,
)
"""The execution of the newest block is taken back, softly. The node is held."""

REEXECUTE = Action(
    name="node.reexecute",
    driver="host",
    deploy="release_node",
    facts=rollback_facts,
    data=rollback_data,
    guards=ROLLBACK_GUARDS,
    effects=start_effect,
    undo_cost=stop_cost,
)
"""After a rollback: let go and started, so that it executes the block again."""

INSTALL = Action(
    name=INSTALLS,
    driver="host",
    deploy="install_node",
    facts=install_facts,
    data=install_data,
    guards=INSTALL_GUARDS,
    effects=restart_effect,
)
"""For a node whose program is the wrong one for the next block."""
