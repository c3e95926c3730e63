"""Hosts of the inventory of which too little could be read, with the reason and what mends it.

Whose key is unread may hold the power that nobody accounts for. Where the login has no sudo, a node
that answers is well all the same, but nobody can act on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.systems.comet.inventory import Role
from remediations.values.reading import Unknown, value_or_none

NO_SUDO = "no sudo"


@dataclass(frozen=True)
class UnreadKey:
    """A host, why its key could not be read, and what a person does about it."""

    host: str
    why: str
    mend: str

    @property
    def says(self) -> str:
        """The host with its reason."""
        return f"{self.host}: {self.why}"


def unread_keys(views: Sequence[NodeView]) -> tuple[UnreadKey, ...]:
    """One for each host that may hold a key of which nothing is known: it could not be read, is not
    there, or is held by a remote signer of a node that does not answer. Validators are first: they
    are the ones that hold power."""
    blind = [view for view in views if not view.address and _may_hold_power(view)]
    blind.sort(key=lambda view: (view.reading.role is not Role.VALIDATOR, view.host))
    return tuple(map(_unread, blind))


def _may_hold_power(view: NodeView) -> bool:
    """A validator does, whatever its file says; any other host, unless its file was read."""
    role = view.reading.role
    return role is Role.VALIDATOR or (
        role is not Role.BASTION and isinstance(view.reading.key, Unknown)
    )


def _unread(view: NodeView) -> UnreadKey:
    host, unit, session = view.host, view.unit, value_or_none(view.reading.session)
    if session is None:
        return UnreadKey(host, "not reached by SSH", f"make {host} reachable by SSH")
    if not session.sudo:
        return UnreadKey(host, NO_SUDO, _give_sudo(session.user, host))
    if unit is not None and (unit.load_state == "masked" or unit.masked):
        mend = (
            f"pin `home:` of {host} in the inventory, or ask who masked {unit.name} there, and "
            f"unmask it where its key may run: `sudo systemctl unmask {unit.name}`"
        )
        return UnreadKey(host, f"{unit.name} is masked, so its home is not known", mend)
    if view.config is not None and view.config.remote_signer:
        mend = f"check the remote signer of {host} (its state must not be lower), then start {host}"
        return UnreadKey(host, "a remote signer holds it", f"{mend} by hand")
    if not isinstance(view.reading.key, Unknown):
        mend = f"put config/priv_validator_key.json of {host} back, and do not start it before"
        return UnreadKey(host, "there is no key file", mend)
    return UnreadKey(host, view.reading.key.reason, f"see on {host} why: `remediate doctor`")


def without_sudo(views: Sequence[NodeView]) -> dict[str, str]:
    """What a person does about each host on which the login has no sudo, by host."""
    found = {}
    for view in views:
        session = value_or_none(view.reading.session)
        if session is not None and not session.sudo and view.reading.role is not Role.BASTION:
            found[view.host] = _give_sudo(session.user, view.host)
    return found


def _give_sudo(user: str, host: str) -> str:
    return f"give {user} sudo on {host} (`remediate doctor` says how)"
