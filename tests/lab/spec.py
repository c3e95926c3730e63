"""Who is in the lab. Units, homes and ports differ on purpose: the product has to discover them.

val3 and val4 stand behind the bastion: they have no route back to the operator.
"""

from __future__ import annotations

from dataclasses import dataclass

CHAIN_ID = "virtengine-lab-1"
DENOM = "uve"
STAKE_PER_POWER = 1_000_000
OPERATOR = "ops"
MNEMONIC = f"{'abandon ' * 11}about"
"""BIP-39's public test key, which may schedule upgrades: worth nothing, known to all."""


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """A chain daemon. `power` is its genesis voting power; 0 for a node that does not validate."""

    unit: str
    home: str
    binary: str
    rpc_port: int
    p2p_port: int
    power: int = 0
    user: str = "virtengine"
    started: bool = True


@dataclass(frozen=True, kw_only=True)
class HostSpec:
    """A machine. `octet` is the last one of its address; `role` as in the inventory."""

    name: str
    octet: int
    role: str
    node: NodeSpec | None = None
    behind_bastion: bool = False


HOSTS: tuple[HostSpec, ...] = (
    HostSpec(name="bastion", octet=10, role="bastion"),
    HostSpec(
        name="val1",
        octet=11,
        role="validator",
        node=NodeSpec(
            unit="virtengine.service",
            home="/var/lib/virtengine",
            binary="/usr/local/bin/virtengined",
            rpc_port=26657,
            p2p_port=26656,
            power=40,
        ),
    ),
    HostSpec(
        name="val2",
        octet=12,
        role="validator",
        node=NodeSpec(
            unit="virtengined.service",
            home="/home/virtengine/.virtengine",
            binary="/usr/local/bin/virtengine",
            rpc_port=26667,
            p2p_port=26656,
            power=30,
        ),
    ),
    HostSpec(
        name="val3",
        octet=13,
        role="validator",
        behind_bastion=True,
        node=NodeSpec(
            unit="virtengine.service",
            home="/opt/virtengine",
            binary="/usr/local/bin/virtengined",
            rpc_port=26657,
            p2p_port=26666,
            power=20,
        ),
    ),
    HostSpec(
        name="val4",
        octet=14,
        role="validator",
        behind_bastion=True,
        node=NodeSpec(
            unit="virtengined.service",
            home="/srv/chain/home",
            binary="/opt/chain/bin/virtengined",
            rpc_port=36657,
            p2p_port=26656,
            power=10,
        ),
    ),
    HostSpec(
        name="full1",
        octet=21,
        role="full",
        node=NodeSpec(
            unit="virtengine-full.service",
            home="/var/lib/virtengine",
            binary="/usr/local/bin/virtengined",
            rpc_port=26657,
            p2p_port=26656,
        ),
    ),
    HostSpec(
        name="standby1",
        octet=31,
        role="standby",
        node=NodeSpec(
            unit="virtengine.service",
            home="/var/lib/virtengine",
            binary="/usr/local/bin/virtengined",
            rpc_port=26657,
            p2p_port=26656,
            started=False,
        ),
    ),
)

NODES: tuple[HostSpec, ...] = tuple(spec for spec in HOSTS if spec.node is not None)
VALIDATORS: tuple[HostSpec, ...] = tuple(s for s in NODES if s.node is not None and s.node.power)
