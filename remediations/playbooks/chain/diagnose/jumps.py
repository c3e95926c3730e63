"""Hosts that cannot be reached because the jump host before them cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from remediations.playbooks.chain.diagnose.components import addresses_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.values.login import Login


def behind_jump_hosts(views: Sequence[NodeView], logins: Sequence[Login]) -> Mapping[str, str]:
    """Host that was not reached → the host of the inventory on its route that was not, either."""
    shut = {view.host for view in views if not view.reached}
    names = addresses_of(logins)
    found: dict[str, str] = {}
    for login in logins:
        if login.host not in shut:
            continue
        for hop in login.hops[:-1]:
            jump = names.get(hop.hostname)
            if jump in shut and jump != login.host:
                found[login.host] = jump
                break
    return found
