"""A host of the inventory that has no part in the chain: read like any other, and neither a reason
to refuse nor acted on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.doctor.examination import Examination
from remediations.engine.doctor.login_lines import other_lines
from remediations.engine.find.conclude import conclude
from remediations.engine.observe.observation import Scope
from remediations.engine.observe.observe import observe
from remediations.engine.plan.build import evaluate_guards
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.planning import make_plan
from remediations.engine.plan.preflight import judge_action
from remediations.engine.plan.recheck import check_derivation
from remediations.errors import UsageError
from remediations.playbooks.chain.actions import START
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.doctor.world import before, programs, world_lines
from remediations.playbooks.chain.domain import DOMAIN
from remediations.reach.connection import HostUnreachable
from remediations.systems.comet.inventory import CHAIN_SECTION, Role
from remediations.systems.comet.reading import CometNodes, CometReading, comet_reading, sealed
from remediations.systems.comet.subcommands import SUBCOMMANDS, Subcommands
from remediations.systems.comet.system import COMET
from remediations.systems.hosts.program import host_program
from remediations.systems.hosts.reading import HostLogin, HostsReading
from remediations.systems.hosts.system import HOSTS
from remediations.values.inventory import Inventory
from remediations.values.part import Part
from remediations.values.reading import Known, Why
from tests import worlds
from tests.inventories import LAMP, LampRoom, Lamps, chain_inventory, lamp_entry, node_entry
from tests.unit.observe.fake_host import Host
from tests.unit.observe.test_look import Local, Reached
from tests.unit.plan.cases import maker, missing, plan_of, quorum_lost, still_holds

WEB = "web1"


def beside(world: CometReading, *, first: bool = False, down: bool = True) -> CometReading:
    """The same world, and one more host that has no node."""
    told = worlds.unknown("no connection", Why.UNREACHABLE)
    session = told if down else world.hosts[0].session
    records = told if down else world.hosts[0].records
    led = worlds.login_of(WEB)
    logins = (led, *world.logins) if first else (*world.logins, led)
    login = HostLogin(host=WEB, session=session, records=records)
    return replace(world, logins=logins, elsewhere=(login,))


def inventory_of(world: CometReading, *, web: bool = True) -> Inventory:
    nodes = tuple(node_entry(name=r.host, role=r.role, ssh=r.host) for r in world.hosts)
    return chain_inventory(
        path="inventory.yaml",
        chain_id=world.chain_id,
        halted_after_s=60,
        ssh_config="ssh_config",
        allowed_signers=None,
        hosts=(*nodes, lamp_entry(name=WEB)) if web else nodes,
    )


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("down", [True, False])
def test_it_is_in_the_observation_and_not_among_the_nodes(first: bool, down: bool) -> None:
    """In the order of the inventory, whether it answers or not."""
    world = beside(quorum_lost(), first=first, down=down)
    seen = sealed(world)
    assert [one.host for one in seen.read(HostsReading).hosts] == [o.host for o in seen.logins]
    assert WEB not in [one.host for one in seen.read(CometNodes).hosts]
    assert comet_reading(seen) == world


def test_nodes_in_another_order_are_refused() -> None:
    """Or on hosts of which nothing was led: the reading is of another look."""
    world = beside(quorum_lost())
    for hosts in (
        world.hosts[::-1],
        (*world.hosts, world.hosts[0]),
        (*world.hosts, replace(world.hosts[0], host="strange")),
    ):
        with pytest.raises(UsageError, match=r"comet\.reading/1 that can be used|hosts\.reading"):
            comet_reading(sealed(replace(world, hosts=hosts, elsewhere=())))


@pytest.mark.parametrize("world", [worlds.healthy(), quorum_lost(), missing(worlds.healthy())])
def test_diagnosis_is_the_same_without_it(world: CometReading) -> None:
    """A host that does not answer is not a node that is down."""
    assert diagnose(beside(world)) == diagnose(world)
    (told,) = conclude([DOMAIN], sealed(beside(world)))
    assert WEB not in [subject.name for subject in told.finding.subjects]


def essence(plan: Plan) -> tuple[object, ...]:
    """All that a plan does, demands and proves."""
    return (plan.stages, plan.guards, plan.facts, plan.checks, plan.baseline, plan.resources)


def test_plan_is_the_same_without_it() -> None:
    """No guard asks it, no step is for it, and where its name leads is pinned all the same."""
    world = quorum_lost()
    plan = plan_of(beside(world))
    assert not plan.blocked
    assert essence(plan) == essence(plan_of(world))
    assert WEB in [login.host for login in plan.logins]


def test_plan_is_applied_whether_it_answers_or_not() -> None:
    """What is read again before anything is done: both directions."""
    for then, now in ((True, False), (False, True)):
        planned = beside(quorum_lost(), down=then)
        plan = plan_of(planned)
        check_derivation(plan, sealed(planned), maker())
        assert still_holds(plan, worlds.deciding(beside(quorum_lost(), down=now)), maker())


@pytest.mark.parametrize("named", [(WEB,), ("val1", WEB)])
def test_limit_to_it_is_answered(named: tuple[str, ...]) -> None:
    """By name, with the hosts that there are, and not with an empty plan."""
    seen = sealed(beside(quorum_lost()))
    with pytest.raises(UsageError, match="web1 has no node of the chain worlds-1") as caught:
        make_plan(maker(), None, seen, frozenset(named))
    assert (caught.value.guard, caught.value.got) == ("--limit", WEB)
    assert "val1" in caught.value.expected
    with pytest.raises(UsageError, match="web1 has no node"):
        judge_action([DOMAIN], START, named, seen)


def test_invariants_count_the_nodes_only() -> None:
    """Judged for a plan on one node, with a host beside it that is silent."""
    chain = DOMAIN.situation(sealed(beside(quorum_lost())), frozenset())
    playbook = DOMAIN.playbooks[0]
    (branch,) = [b for b in playbook.branches if b.fits(chain) is None]
    results = evaluate_guards(DOMAIN.invariants, chain, branch.propose(chain))
    assert all(WEB not in f"{one.subject}{one.got}{one.expected}" for one in results)


def test_its_program_has_nothing_of_a_node(tmp_path: Path) -> None:
    """Logged in to and read by the systems that it has a section of; the node likewise."""
    fake = Host(tmp_path, 1)
    fake.install()
    hosts = inventory_of(worlds.healthy(), web=False)
    asked = replace(
        hosts,
        parts=(*hosts.parts, Part.of(LampRoom(fuse="main"))),
        hosts=(lamp_entry(name=WEB), hosts.host("val1")),
    )
    reach = Reached({WEB: Local(WEB, fake), "val1": Local("val1", fake)})
    systems = (HOSTS, COMET, LAMP)
    seen = asyncio.run(observe(reach, asked, scope=Scope.FULL, tool="t", systems=systems))
    reading = comet_reading(seen)
    assert [one.host for one in reading.hosts] == ["val1"]
    assert isinstance(reading.host("val1").unit, Known)
    (beside_it,) = reading.elsewhere
    assert beside_it.host == WEB
    assert isinstance(beside_it.session, Known)
    assert seen.read(Lamps) == Lamps(fuse="main", hosts=(WEB,))
    web, val1 = (host_program(entry, Scope.FULL, (COMET, LAMP)) for entry in asked.hosts)
    assert (b"comet_rest" in web, b"lamp_rest" in web) == (False, True)
    assert (b"comet_rest" in val1, b"lamp_rest" in val1) == (True, False)


def test_inventory_without_a_chain_concerns_no_chain(tmp_path: Path) -> None:
    """A system whose section is not there is not read; nothing of it is in the observation."""
    fake = Host(tmp_path, 1)
    fake.install()
    lamps = Inventory(
        path="x", ssh_config=None, allowed_signers=None, hosts=(lamp_entry(name=WEB),)
    )
    reach = Reached({WEB: Local(WEB, fake)})
    seen = asyncio.run(
        observe(reach, lamps, scope=Scope.FULL, tool="t", systems=(HOSTS, COMET, LAMP))
    )
    assert [part.kind for part in seen.parts] == ["hosts.reading/1"]
    assert not DOMAIN.concerns(seen)
    assert isinstance(seen.read(HostsReading).hosts[0].session, Known)
    assert Lamps.KIND not in [part.kind for part in seen.parts]
    sight = Examination(observation=seen, refusals={}, doors={}, asked={})
    assert (before(lamps), world_lines(lamps, sight, {})) == ((), ())
    assert asyncio.run(programs(reach, seen)) == {}


def test_doctor_says_of_it_whether_it_lets_us_in() -> None:
    """The chain's own lines are about its nodes; who nobody else speaks of is not left out."""
    world = beside(worlds.healthy())
    hosts = inventory_of(world)
    refusal = HostUnreachable(
        "no", guard="tcp", got="refused", expected="an SSH server", next_step="look at it"
    )
    sight = Examination(observation=sealed(world), refusals={WEB: refusal}, doors={}, asked={})
    accepted = {reading.host: Subcommands(SUBCOMMANDS) for reading in world.hosts}
    assert WEB not in {line.subject for line in world_lines(hosts, sight, accepted)}
    (shut,) = other_lines([hosts.host(WEB)], sight, "ssh_config")
    assert (shut.subject, shut.topic, shut.state) == (WEB, "login", "lack")
    open_ = Examination(observation=sealed(world), refusals={}, doors={}, asked={})
    (told,) = other_lines([hosts.host(WEB)], open_, None)
    assert (told.subject, told.topic, told.state) == (WEB, "login", "ok")
    (line,) = before(hosts)
    assert line.found == f"{world.chain_id}: 4 validator, 1 full, 1 standby"


def test_roles_are_of_nodes() -> None:
    """An inventory with nodes, and no validator among them, is a warning."""
    node = node_entry(name="full1", role=Role.FULL, ssh="full1")
    hosts = replace(inventory_of(worlds.healthy()), hosts=(node, lamp_entry(name=WEB)))
    told, lacking = before(hosts)
    assert told.found == "worlds-1: 1 full"
    assert (lacking.topic, lacking.found) == ("roles", "no validator")
    assert CHAIN_SECTION.is_in(hosts)
