"""Where a deploy learns what it must know about its node: the plan, or `remediate preflight`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from pyinfra.context import host

from remediations.systems.comet.configure import PlannedSettings
from remediations.systems.comet.data_copy import PlannedCopy, PlannedReplacement
from remediations.systems.comet.enablement import PlannedDisable
from remediations.systems.comet.former_program import PlannedFormer, PlannedFormerBelow
from remediations.systems.comet.free_space import PlannedRoom
from remediations.systems.comet.install import PlannedInstall
from remediations.systems.comet.install_below import PlannedBelow
from remediations.systems.comet.open_files import PlannedLimit
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.state_sync import PlannedSync
from remediations.systems.comet.unjail import PlannedUnjail

Action = Literal[
    "start",
    "restart",
    "enable",
    "hold",
    "hold.duplicate",
    "rollback",
    "release",
    "unhold",
    "install",
    "configure",
    "copy",
    "replace",
]
"""The operations on a node, without `node.`."""
T = TypeVar("T")


def planned_node(action: Action) -> PlannedNode:
    """The node of the current host, if `action` may be taken on it.

    While a plan is compiled, the host is sealed, its data come from an observation, and the guards
    of the plan judge. Everywhere else the same guards are judged now, on all hosts of the
    inventory.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned(f"node.{action}", PlannedNode.from_data, PlannedNode.from_words)


def planned_install() -> PlannedInstall:
    """The node of the current host and the program that it gets, by the same rules.

    Raises:
        DeployError: a guard blocks; without a plan one always does, because no program was chosen.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned("node.install", PlannedInstall.from_data, PlannedInstall.from_words)


def planned_exchange() -> PlannedInstall:
    """The node of the current host and the program that it gets while it is held, by the same
    rules.

    Raises:
        DeployError: a guard blocks; without a plan one always does, because no program was chosen.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned("node.exchange", PlannedInstall.from_data, PlannedInstall.from_words)


def planned_exchange_below() -> PlannedBelow:
    """The same for a node below cosmovisor.

    Raises:
        DeployError: a guard blocks; without a plan one always does, because no program was chosen.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned("node.exchange.cosmovisor", PlannedBelow.from_data, PlannedBelow.from_words)


def planned_below() -> PlannedBelow:
    """The same for a node below cosmovisor.

    Raises:
        DeployError: a guard blocks; without a plan one always does, because no program was chosen.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned("node.install.cosmovisor", PlannedBelow.from_data, PlannedBelow.from_words)


def planned_former() -> PlannedFormer:
    """The node of the current host and the program that it gets back, by the same rules.

    Raises:
        DeployError: a guard blocks; without a plan one always does, because no program was chosen.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned("node.install.undo", PlannedFormer.from_data, PlannedFormer.from_words)


def planned_former_below() -> PlannedFormerBelow:
    """The same for a node below cosmovisor.

    Raises:
        DeployError: a guard blocks; without a plan one always does, because no program was chosen.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    action = "node.install.cosmovisor.undo"
    return _planned(action, PlannedFormerBelow.from_data, PlannedFormerBelow.from_words)


def planned_disable() -> PlannedDisable:
    """The unit of the current host, and what it was before it was enabled, by the same rules.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned("node.enable.undo", PlannedDisable.from_data, PlannedDisable.from_data)


def planned_copy() -> PlannedCopy:
    """The node of the current host, and what the copy of its databases is to say of itself, by the
    same rules.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned("node.copy", PlannedCopy.from_data, PlannedCopy.from_words)


def planned_replacement(
    action: Literal["replace", "put_back"] = "replace",
) -> PlannedReplacement:
    """The node of the current host and the copy that it gets, by the same rules; or that it got,
    and whose databases are to go again.

    Raises:
        DeployError: a guard blocks; without a plan one always does, because no copy was chosen.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned(f"node.{action}", PlannedReplacement.from_data, PlannedReplacement.from_words)


def planned_sync(
    action: Literal["set_aside", "set_aside.undo", "sync_settings"],
) -> PlannedSync:
    """The node of the current host and the block that its state sync is to trust, by the same
    rules.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned(f"node.{action}", PlannedSync.from_data, PlannedSync.from_words)


def planned_settings() -> PlannedSettings:
    """The settings of the current host, by the same rules: what forbids a start is to be set to 0.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned("node.configure", PlannedSettings.from_data, PlannedSettings.from_words)


def planned_room() -> PlannedRoom:
    """What may be removed on the current host to make room for its node, by the same rules.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned("node.free", PlannedRoom.from_data, PlannedRoom.from_words)


def planned_limit(action: Literal["raise", "raise.undo"] = "raise") -> PlannedLimit:
    """How many files the unit on the current host may open, as planned, by the same rules.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned(f"node.{action}", PlannedLimit.from_data, PlannedLimit.from_words)


def planned_unjail() -> PlannedUnjail:
    """The transaction that ends the jail of the current host's validator, by the same rules.

    Raises:
        DeployError: a guard blocks. Raised before any operation exists, so nothing is changed.
        PlannedNodeError: the data of a sealed host are malformed.
    """
    return _planned("tx.unjail", PlannedUnjail.from_data, PlannedUnjail.from_words)


def _planned(
    action: str,
    of_data: Callable[[Mapping[str, object]], T],
    of_words: Callable[[Mapping[str, str]], T],
) -> T:
    # The class of the connector decides: no `--data` on a command line can imitate it.
    if getattr(host.connector_cls, "sealed", False):
        return of_data(host.data.dict())
    # Not at the top: a compiling child does not need it, and its start is waited for.
    from remediations.systems.hosts.pyinfra.preflight import preflight

    return preflight(action, of_words)
