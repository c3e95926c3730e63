"""What a person does about one node, in commands that can be followed as they stand."""

from __future__ import annotations

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.node_view import NodeView

RESTART_STARTS = "it starts a unit that is down, too; a start does nothing while it still runs"
"""`systemctl restart` is right whether the unit runs or not, `systemctl start` is not."""

DIVERGED_AND_SILENT = (
    "Keep everything as it is. Find out why its state differs (program, model files, store) and "
    "mend that. It does not answer, so no plan can tell where it stands: stop UNIT, roll it back "
    "softly by hand and read the height that is printed, or rebuild it; never --hard."
)
"""For a node that ends again and again on a state of its own."""

SIGNED_TWICE = (
    "Do not unjail it. Ask a node that follows: `query slashing signing-info` with its consensus "
    "key. Tombstoned: this key never comes back; find out who held it a second time before a new "
    "key signs. Only jailed: the evidence is against another validator."
)
"""For a key that is out of the validator set while evidence of double signing is about."""


def by_hand(view: NodeView, condition: NodeCondition, advice: str = "") -> str:
    """The advice of the condition, or a more special one, with what this node's own readings add
    to it."""
    unit = view.unit.name if view.unit is not None else "its unit"
    if advice:
        return advice.replace("UNIT", unit)
    if condition is NodeCondition.HALT_HEIGHT:
        return f"{_mend_halt(view)} `sudo systemctl restart {unit}` ({RESTART_STARTS})."
    if condition is NodeCondition.DIVERGED and not view.answers:
        return DIVERGED_AND_SILENT.replace("UNIT", unit)
    return condition.rule.by_hand.replace("UNIT", unit)


def _mend_halt(view: NodeView) -> str:
    config = view.config
    if config is not None and not (config.halt_height or config.halt_time):
        return "halt-height and halt-time are 0 already, and its process does not know yet:"
    return (
        "Set halt-height = 0 and halt-time = 0 in app.toml (and in the unit's flags and "
        "environment), then"
    )
