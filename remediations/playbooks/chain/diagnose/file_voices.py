"""What the sign states of hosts whose daemons do not answer say of the height that one node tells.

One node's word is not enough (docs/rules/hazards.md#one-witness). Where it is the only one that
answers, the files of the others are asked (docs/rules/guards.md#w2):

1. A key that signed the height that is told, or the one after it, was there when that block was
   made: its host bears witness to it. One that signed less was down before, or has an older copy,
   and tells nothing.
2. A key that signed further, or for another chain, contradicts. So do keys with a third of the
   power or more that signed less: a block that they did not sign was never decided.
3. One machine has one voice, and so has one key: a copy of a sign state is no second witness. The
   node that answers has told its height already.
4. A sign state that was not read tells nothing: whether its host is a witness is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.finding import NodeFinding
from remediations.systems.comet.quorum import can_halt
from remediations.systems.comet.reading import CometReading
from remediations.values.reading import Unknown, Why


class FileVoices(NamedTuple):
    """The machines whose files agree, what contradicts in a phrase each, and the hosts whose files
    were not read, each with the reason."""

    agree: tuple[str, ...]
    against: tuple[str, ...]
    unread: tuple[str, ...]


def file_voices(
    observation: CometReading,
    nodes: Sequence[NodeFinding],
    same: Mapping[str, str],
    *,
    height: int,
    total_power: int,
) -> FileVoices:
    """The voices about `height`, the newest block that the node that answers tells."""
    powers = {node.host: node.power for node in nodes}
    views = [NodeView(reading) for reading in observation.hosts]
    spoken = {same.get(view.host, view.host) for view in views if view.answers}
    agree: dict[str, str] = {}
    behind: dict[str, int] = {}
    against: list[str] = []
    unread: list[str] = []
    for view in sorted(views, key=lambda view: view.host):
        machine, power = same.get(view.host, view.host), powers.get(view.host, 0)
        if not power or view.remote_signer or machine in spoken:
            continue
        if isinstance(view.reading.sign_state, Unknown):
            if view.reading.sign_state.why is not Why.ABSENT:
                unread.append(f"{view.host}: {view.reading.sign_state.reason}")  # 4
            continue
        state = view.reading.sign_state.value
        if state.chain_id is not UNSET and state.chain_id != observation.chain_id:  # 2
            against.append(f"{view.host} signed for {state.chain_id}")
        elif state.height > height + 1:  # 2
            against.append(f"{view.host} signed {state.height}")
        elif state.height < height:
            behind[view.address] = power
        elif state.chain_id is not UNSET:  # 1, 3
            agree.setdefault(view.address, machine)
    less = sum(power for address, power in behind.items() if address not in agree)
    if less and can_halt(less, total_power):  # 2
        against.append(f"keys with {less} of {total_power} power did not sign {height}")
    return FileVoices(tuple(sorted(set(agree.values()))), tuple(against), tuple(unread))
