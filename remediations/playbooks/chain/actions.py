"""What can be done to a node of the chain, and everything that must hold before it is."""

from __future__ import annotations

from dataclasses import replace

from remediations.engine.domain import Action
from remediations.playbooks.chain.facts import (
    configured_data,
    disable_data,
    duplicate_facts,
    enable_facts,
    node_data,
    node_facts,
    restored_data,
    rollback_data,
    rollback_facts,
    settings_data,
    settings_facts,
    undone_settings_data,
)
from remediations.playbooks.chain.guards.table import (
    CONFIGURE_GUARDS,
    DISABLE_GUARDS,
    ENABLE_GUARDS,
    EXCHANGE_BACK_GUARDS,
    EXCHANGE_BELOW_GUARDS,
    EXCHANGE_GUARDS,
    FORMER_GUARDS,
    HOLD_DUPLICATE_GUARDS,
    HOLD_GUARDS,
    INSTALL_BELOW_GUARDS,
    INSTALL_GUARDS,
    ROLLBACK_GUARDS,
    START_CONFIGURED_GUARDS,
    START_GUARDS,
    UNHOLD_GUARDS,
    UNJAIL_GUARDS,
)
from remediations.playbooks.chain.holders import STOPS
from remediations.playbooks.chain.impact import (
    hold_duplicate_effect,
    no_effect,
    restart_effect,
    start_effect,
    stop_cost,
    stop_effect,
)
from remediations.playbooks.chain.jail_facts import UNJAILS, jail_data, jail_facts
from remediations.playbooks.chain.program import (
    EXCHANGES,
    EXCHANGES_BELOW,
    INSTALLS,
    INSTALLS_BELOW,
    UPGRADES_BELOW,
)
from remediations.playbooks.chain.program_facts import (
    below_data,
    below_facts,
    exchange_below_facts,
    exchange_facts,
    exchanged_back_below_data,
    exchanged_back_data,
    former_below_data,
    former_data,
    install_data,
    install_facts,
)

START = Action(
    name="node.start",
    driver="host",
    deploy="chain/start_node",
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
    deploy="chain/restart_node",
    facts=node_facts,
    data=node_data,
    guards=START_GUARDS,
    effects=restart_effect,
)
"""For a node whose process exists, but is dead."""

UNCONFIGURE = Action(
    name="node.configure.undo",
    driver="host",
    deploy="chain/configure_node",
    facts=settings_facts,
    data=undone_settings_data,
    guards=CONFIGURE_GUARDS,
    effects=no_effect,
)
"""What `CONFIGURE` set, as it was before. It is read at the next start."""

CONFIGURE = Action(
    name="node.configure",
    driver="host",
    deploy="chain/configure_node",
    facts=settings_facts,
    data=settings_data,
    guards=CONFIGURE_GUARDS,
    effects=no_effect,
    undone_by=UNCONFIGURE,
)
"""For a node whose start is forbidden by settings: they are set to 0. Nothing is started now."""

RESTORE = Action(
    name="node.configure.back",
    driver="host",
    deploy="chain/configure_node",
    facts=settings_facts,
    data=restored_data,
    guards=CONFIGURE_GUARDS,
    effects=no_effect,
)
"""After `CONFIGURE`: `double_sign_check_height` as it was. It is read at the next start."""

START_CONFIGURED = Action(
    name="node.start.configured",
    driver="host",
    deploy="chain/start_node",
    facts=node_facts,
    data=configured_data,
    guards=START_CONFIGURED_GUARDS,
    effects=restart_effect,
    undo_cost=stop_cost,
)
"""`START` after `CONFIGURE` on the same host."""

RESTART_CONFIGURED = Action(
    name="node.restart.configured",
    driver="host",
    deploy="chain/restart_node",
    facts=node_facts,
    data=configured_data,
    guards=START_CONFIGURED_GUARDS,
    effects=restart_effect,
)
"""`RESTART` after `CONFIGURE` on the same host."""

DISABLE = Action(
    name="node.enable.undo",
    driver="host",
    deploy="chain/disable_node",
    facts=enable_facts,
    data=disable_data,
    guards=DISABLE_GUARDS,
    effects=no_effect,
)
"""Takes back `ENABLE`, of a unit that was disabled before."""

ENABLE = Action(
    name="node.enable",
    driver="host",
    deploy="chain/enable_node",
    facts=enable_facts,
    data=node_data,
    guards=ENABLE_GUARDS,
    effects=no_effect,
    undone_by=DISABLE,
)
"""For a node that should come back after a reboot. Nothing is started now."""

RELEASE = Action(
    name="node.release",
    driver="host",
    deploy="chain/release_node",
    facts=node_facts,
    data=node_data,
    guards=START_GUARDS,
    effects=restart_effect,
    undo_cost=stop_cost,
)
"""For a node that a run holds, and did not let go."""

UNHOLD = Action(
    name="node.unhold",
    driver="host",
    deploy="chain/unhold_node",
    facts=node_facts,
    data=node_data,
    guards=UNHOLD_GUARDS,
    effects=restart_effect,
)
"""Takes back a hold, whatever was done meanwhile."""

HOLD = Action(
    name="node.hold",
    driver="host",
    deploy="chain/hold_node",
    facts=rollback_facts,
    data=rollback_data,
    guards=HOLD_GUARDS,
    effects=stop_effect,
    undone_by=UNHOLD,
)
"""Before a rollback: stopped, and nobody starts it."""

HOLD_DUPLICATE = Action(
    name=STOPS,
    driver="host",
    deploy="chain/hold_duplicate_node",
    facts=duplicate_facts,
    data=node_data,
    guards=HOLD_DUPLICATE_GUARDS,
    effects=hold_duplicate_effect,
)
"""For a holder of a key that must not sign there: stopped, evidence kept, and nobody starts it."""

ROLL_BACK = Action(
    name="node.rollback",
    driver="host",
    deploy="chain/rollback_node",
    facts=rollback_facts,
    data=rollback_data,
    guards=ROLLBACK_GUARDS,
    effects=no_effect,
)
"""The execution of the newest block is taken back, softly. The node is held."""

REEXECUTE = Action(
    name="node.reexecute",
    driver="host",
    deploy="chain/release_node",
    facts=rollback_facts,
    data=rollback_data,
    guards=ROLLBACK_GUARDS,
    effects=start_effect,
    undo_cost=stop_cost,
)
"""After a rollback: let go and started, so that it executes the block again."""

UNJAIL = Action(
    name=UNJAILS,
    driver="host",
    deploy="chain/unjail_validator",
    facts=jail_facts,
    data=jail_data,
    guards=UNJAIL_GUARDS,
    effects=no_effect,
)
"""For a validator that is jailed: its transaction is signed and sent. Its power is not counted as
gained before the chain shows it."""

PUT_FORMER_BACK = Action(
    name="node.install.undo",
    driver="host",
    deploy="chain/put_back_program",
    facts=install_facts,
    data=former_data,
    guards=FORMER_GUARDS,
    effects=restart_effect,
)
"""Takes back `INSTALL`, where the new program has not acted."""

INSTALL = Action(
    name=INSTALLS,
    driver="host",
    deploy="chain/install_node",
    facts=install_facts,
    data=install_data,
    guards=INSTALL_GUARDS,
    effects=restart_effect,
    undone_by=PUT_FORMER_BACK,
)
"""For a node whose program is the wrong one for the next block."""

EXCHANGE_BACK = Action(
    name=f"{EXCHANGES}.undo",
    driver="host",
    deploy="chain/exchange_program",
    facts=exchange_facts,
    data=exchanged_back_data,
    guards=EXCHANGE_BACK_GUARDS,
    effects=no_effect,
)
"""Takes back `EXCHANGE`, while the node is held."""

EXCHANGE = Action(
    name=EXCHANGES,
    driver="host",
    deploy="chain/exchange_program",
    facts=exchange_facts,
    data=install_data,
    guards=EXCHANGE_GUARDS,
    effects=no_effect,
    undone_by=EXCHANGE_BACK,
)
"""Before a rollback that another program makes: put in place while the node is held."""

EXCHANGE_BACK_BELOW = Action(
    name=f"{EXCHANGES_BELOW}.undo",
    driver="host",
    deploy="chain/exchange_program_below_cosmovisor",
    facts=exchange_below_facts,
    data=exchanged_back_below_data,
    guards=EXCHANGE_BACK_GUARDS,
    effects=no_effect,
)
"""Takes back `EXCHANGE_BELOW`, while the node is held."""

EXCHANGE_BELOW = Action(
    name=EXCHANGES_BELOW,
    driver="host",
    deploy="chain/exchange_program_below_cosmovisor",
    facts=exchange_below_facts,
    data=below_data,
    guards=EXCHANGE_BELOW_GUARDS,
    effects=no_effect,
    undone_by=EXCHANGE_BACK_BELOW,
)
"""The same for a node below cosmovisor: in the place of the program in use."""

PUT_FORMER_BACK_BELOW = Action(
    name="node.install.cosmovisor.undo",
    driver="host",
    deploy="chain/put_back_program_below_cosmovisor",
    facts=below_facts,
    data=former_below_data,
    guards=FORMER_GUARDS,
    effects=restart_effect,
)
"""Takes back `INSTALL_BELOW`, where the new program has not acted."""

INSTALL_BELOW = Action(
    name=INSTALLS_BELOW,
    driver="host",
    deploy="chain/install_below_cosmovisor",
    facts=below_facts,
    data=below_data,
    guards=INSTALL_BELOW_GUARDS,
    effects=restart_effect,
    undone_by=PUT_FORMER_BACK_BELOW,
)
"""For a node below cosmovisor: in the place of the program in use."""

UPGRADE_BELOW = replace(INSTALL_BELOW, name=UPGRADES_BELOW, undone_by=None)
"""In the place of an upgrade: cosmovisor switches to it, and its link is never touched here, so
nothing takes it back."""

PROGRAM_ACTIONS = (
    INSTALL,
    PUT_FORMER_BACK,
    EXCHANGE,
    EXCHANGE_BACK,
    EXCHANGE_BELOW,
    EXCHANGE_BACK_BELOW,
    INSTALL_BELOW,
    PUT_FORMER_BACK_BELOW,
    UPGRADE_BELOW,
    DISABLE,
)
