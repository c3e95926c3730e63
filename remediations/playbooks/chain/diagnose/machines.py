"""Machines that have two names: an inventory may name one host twice, by two routes.

A key that is read there twice is one file. To move it "off one of them" would take the only copy
away, so this is told apart from a copy (docs/rules/conditions.md#same-machine).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.systems.comet.reading import CometReading
from remediations.values.login import Login
from remediations.values.reading import value_or_none


def machines(views: Sequence[NodeView], logins: Sequence[Login]) -> Mapping[str, str]:
    """Host → the name of its machine, the first of its names; hosts with one name are left out."""
    routes = {login.host: login for login in logins}
    kept: dict[tuple[str, str], list[NodeView]] = {}
    found: dict[str, str] = {}
    for view in views:
        session = value_or_none(view.reading.session)
        if session is None or not session.boot_id:
            continue
        alike = kept.setdefault((session.boot_id, session.machine_id), [])
        twin = next((one for one in alike if _one_daemon(view, one, routes)), None)
        if twin is None:
            alike.append(view)
        else:
            found[view.host] = found[twin.host] = twin.host
    return found


def machines_of(observation: CometReading) -> Mapping[str, str]:
    """The same, for a whole observation."""
    ordered = sorted(observation.hosts, key=lambda reading: reading.host)
    return machines([NodeView(reading) for reading in ordered], observation.logins)


def names_of(host: str, same: Mapping[str, str]) -> tuple[str, ...]:
    """The other names of the machine that `host` is."""
    if host not in same:
        return ()
    return tuple(sorted(name for name in same if same[name] == same[host] and name != host))


def _one_daemon(one: NodeView, other: NodeView, routes: Mapping[str, Login]) -> bool:
    """Whether two readings of one boot are of one daemon.

    Containers share a boot, and their machine ids where they were cloned. systemd gives each start
    of a unit an id of its own, which therefore proves it; for a unit that never started, both names
    have to lead to the same address.
    """
    mine, its = one.unit, other.unit
    if mine is None or its is None or (mine.name, mine.home) != (its.name, its.home):
        return False
    if one.node_id and other.node_id and one.node_id != other.node_id:
        return False
    if mine.invocation or its.invocation:
        return mine.invocation == its.invocation
    ways = [_end(routes.get(view.host)) for view in (one, other)]
    return bool(ways[0]) and ways[0] == ways[1]


def _end(login: Login | None) -> tuple[str, int] | None:
    return (login.hops[-1].hostname, login.hops[-1].port) if login and login.hops else None
