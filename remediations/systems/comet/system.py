"""The system `comet`: CometBFT nodes, as a fragment of what every host runs (engine/system.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from types import MappingProxyType

from remediations.engine.system import HostSystem
from remediations.systems.comet.discovered import DAEMON
from remediations.systems.comet.inventory import CHAIN_SECTION, chain_of, node_of
from remediations.systems.comet.journal_table import ANY_ERROR, PATTERN
from remediations.systems.comet.parse import read_node, unread_node
from remediations.systems.comet.reading import CometNodes, NodeReading
from remediations.systems.comet.secrets import CREDENTIALS, USERINFO
from remediations.systems.hosts.guest import SYNC_SETTINGS
from remediations.values.inventory import HostEntry, Inventory

SECTIONS: Mapping[str, int] = MappingProxyType(
    {
        "found": 65_536,
        "show": 65_536,
        "processes": 262_144,
        "config": 65_536,
        "app_config": 65_536,
        "key": 4096,
        "wal": 262_144,
        "disk": 16_384,
        "ownership": 262_144,
        "copies": 16_384,
        "room": 10_240,
        "store": 1024,
        "snapshots": 1024,
        "sync_settings": 4096,
        "servers": 8192,
        "status.1": 65_536,
        "app.1": 65_536,
        "round.1": 4_000_000,
        "validators": 8_000_000,
        "peers": 2_000_000,
        "dials": 4096,
        "ways": 65_536,
        "dump": 4_000_000,
        "blocks": 262_144,
        "evidence": 65_536,
        "commit": 4_000_000,
        "absent": 131_072,
        "signers": 400_000,
        "anchor": 300_000,
        "anchor_set": 300_000,
        "result": 4_000_000,
        "status.2": 65_536,
        "app.2": 65_536,
        "round.2": 4_000_000,
        "binary": 4096,
        "version": 1024,
        "pressure": 1024,
        "changes": 16_384,
        "cosmovisor": 8192,
        "genesis": 131_072,
        "journal": 262_144,
        "signing_info": 16_384,
        "validator": 32_768,
        "own_shares": 4096,
        "account": 4096,
        "operator_key": 1024,
        "state_copies": 65_536,
        "announced": 4096,
        "rollbacks": 65_536,
        "jobs": 65_536,
        "sign_state": 65_536,
    }
)
"""Section → bytes."""

FRAGMENT = (
    "discover.sh",
    "journal.sh",
    "rpc.sh",
    "standing.sh",
    "absent.sh",
    "ways.sh",
    "room.sh",
    "cosmovisor.sh",
    "state_sync.sh",
    "pressure.sh",
    "state_copies.sh",
    "jobs.sh",
    "probe.sh",
)


def _text(name: str) -> str:
    return files("remediations.systems.comet").joinpath(name).read_text()


KINDS = _text("home_kinds.sh") + SYNC_SETTINGS
"""What a reading looks for in files of a home beside the kinds of `hosts/guest.sh`. A step does
not, and its bytes stay as they are."""


def _settings(entry: HostEntry) -> Mapping[str, str]:
    node = node_of(entry)
    return {
        "remediate_unit": node.unit or "",
        "remediate_home": node.home or "",
        "remediate_rpc": node.rpc or "",
        "remediate_role": node.role.value,
        "remediate_daemon": DAEMON,
        "remediate_signatures": PATTERN,
        "remediate_errors": ANY_ERROR,
        "remediate_kinds": KINDS,
        "remediate_userinfo": USERINFO,
        "remediate_credentials": CREDENTIALS,
    }


def _settings_of_all(inventory: Inventory) -> Mapping[str, str]:
    pin = chain_of(inventory).trust
    return {"remediate_pin": "" if pin is None else str(pin.height)}


def _whole(inventory: Inventory, nodes: Sequence[NodeReading]) -> CometNodes:
    chain = chain_of(inventory)
    return CometNodes(
        chain_id=chain.chain_id,
        halted_after_s=chain.halted_after_s,
        hosts=tuple(nodes),
        trust=chain.trust,
    )


COMET = HostSystem(
    name="comet",
    kind=CometNodes,
    inventory_section=CHAIN_SECTION,
    fragment="".join(map(_text, FRAGMENT)),
    sections=SECTIONS,
    settings=_settings,
    settings_of_all=_settings_of_all,
    read=read_node,
    unread=unread_node,
    whole=_whole,
)
