"""A bastion that is shut: it has no daemon, and what it hides is not a fault of each host."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometReading
from remediations.values.login import Hop, Login
from tests import worlds
from tests.worlds import healthy
from tests.worlds.base import change


def hop(name: str) -> Hop:
    return Hop(hostname=f"{name}.example", port=22, user="ops", proxy_command="", host_keys=())


def through_bastion(*hosts: str) -> CometReading:
    """`full1` is the bastion before `hosts`, and cannot be reached; so neither can they."""
    world = change(healthy(), "full1", lambda r: replace(r, role=Role.BASTION))
    for host in ("full1", *hosts):
        world = worlds.unreachable(world, host, alive=True)
    logins = tuple(
        Login(host=r.host, hops=((hop("full1"),) if r.host in hosts else ()) + (hop(r.host),))
        for r in world.hosts
    )
    return replace(world, logins=logins)


def test_hosts_behind_a_bastion_are_told_with_it() -> None:
    finding = diagnose(through_bastion("val3", "val4"))
    bastion, hidden = finding.node("full1"), finding.node("val3")
    assert bastion.condition is hidden.condition is NodeCondition.UNREACHABLE
    assert "daemon" not in bastion.cause
    assert "val3, val4 can only be reached through it" in bastion.by_hand
    assert "through full1, which is shut" in hidden.cause
    assert hidden.by_hand.startswith("Mend SSH on full1 first.")
    assert finding.node("val1").condition is NodeCondition.HEALTHY


def test_a_host_with_a_fault_of_its_own_is_not_laid_to_the_bastion() -> None:
    world = worlds.unreachable(through_bastion("val3"), "val4", alive=True)
    assert "which is shut" not in diagnose(world).node("val4").cause
