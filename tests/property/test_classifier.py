"""The classifier on generated worlds: total, weighed by power, blind to the order of hosts."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import ChainFinding, Tristate
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.reading import Unknown
from remediations.values.wire import canonical, decode
from tests import worlds
from tests.worlds import healthy, signing, stopped

POWERS = st.lists(st.integers(1, 10**12), min_size=2, max_size=7)
Fault = Callable[[CometReading, str], CometReading]
FAULTS: tuple[Fault, ...] = (
    stopped,
    worlds.disabled,
    worlds.failed,
    worlds.crash_looping,
    worlds.frozen,
    worlds.unreachable,
    worlds.key_missing,
    worlds.sign_state_missing,
    lambda world, host: worlds.sign_state(world, host, 0),
    lambda world, host: worlds.duplicated(world, "val1", host),
    lambda world, host: worlds.configured(world, host, halt_height=5),
    lambda world, host: worlds.logged(world, host, "CONSENSUS FAILURE!!! boom"),
    signing.not_signing,
    signing.signed_twice,
    signing.powerless,
    lambda world, _host: signing.evidence_in(world, worlds.HEIGHT),
    lambda world, host: signing.runs_twice(world, "val1", host),
    lambda world, host: signing.named_twice(world, host, f"{host}-{len(world.hosts)}"),
)
QUICK = settings(max_examples=60)


@st.composite
def broken(draw: st.DrawFn) -> CometReading:
    """A world of some validators with some of them broken, and some readings lost."""
    powers = draw(POWERS)
    world = healthy(powers)
    names = [reading.host for reading in world.hosts]
    for fault, host in draw(
        st.lists(st.tuples(st.sampled_from(FAULTS), st.sampled_from(names)), max_size=3)
    ):
        if worlds.answers(world.host(host)):
            world = fault(world, host)
    lost = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(FIELDS)), max_size=6))
    for host, field in lost:
        world = worlds.change(world, host, lambda r, f=field: _without(r, f))  # type: ignore[misc]
    return world


FIELDS = (
    "session", "unit", "processes", "config", "key", "sign_state", "wal", "disk", "ownership",
    "records", "binary", "journal", "samples", "validators", "peers", "peer_rounds", "blocks",
    "commit", "result", "status", "app", "round",
)  # fmt: skip


def _without(reading: HostReading, field: str) -> HostReading:
    """The same reading with one thing unread."""
    nothing = worlds.unknown("lost")
    if field == "samples":
        return replace(reading, samples=())
    if field in ("status", "app", "round"):
        samples = tuple(replace(s, **{field: nothing}) for s in reading.samples)
        return replace(reading, samples=samples)
    if hasattr(reading.chain, field):
        return replace(reading, chain=replace(reading.chain, **{field: nothing}))
    return replace(reading, **{field: nothing})


def powers_add_up(finding: ChainFinding) -> bool:
    """What a finding says of power is within the total."""
    return 0 <= finding.online_power <= finding.total_power and (
        0 <= finding.uncovered_power <= finding.total_power
    )


@given(broken())
@QUICK
def test_never_raises_and_is_well_formed(world: CometReading) -> None:
    """Every observation has a finding with one node each, which can be written and read back."""
    finding = diagnose(world)
    assert sorted(n.host for n in finding.nodes) == sorted(r.host for r in world.hosts)
    assert powers_add_up(finding)
    assert decode(canonical(finding), ChainFinding) == finding
    assert finding.explanation
    assert finding.next_step


@given(POWERS)
@QUICK
def test_all_unknown_is_undetermined(powers: list[int]) -> None:
    """Where nothing could be read nothing is concluded."""
    world = healthy(powers)
    blank = tuple(worlds.unreachable_reading(r, "no route") for r in world.hosts)
    finding = diagnose(replace(world, hosts=blank))
    assert finding.chain is ChainClass.UNDETERMINED
    assert finding.halted is Tristate.UNKNOWN
    assert finding.witnesses == ()
    assert all(isinstance(r.session, Unknown) for r in blank)


@given(broken(), st.randoms(use_true_random=False))
@QUICK
def test_order_of_hosts_does_not_matter(world: CometReading, random: object) -> None:
    """The same readings in another order give the same finding."""
    hosts = list(world.hosts)
    getattr(random, "shuffle")(hosts)  # noqa: B009 - hypothesis types its Random as object
    assert diagnose(replace(world, hosts=tuple(hosts))) == diagnose(world)


@given(POWERS, st.data())
@QUICK
def test_power_decides_not_nodes(powers: list[int], data: st.DataObject) -> None:
    """However many stop: quorum is lost exactly when two thirds or less of the power is left."""
    names = [f"val{i}" for i in range(1, len(powers) + 1)]
    down = data.draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    left = sum(p for name, p in zip(names, powers, strict=True) if name not in down)
    finding = diagnose(stopped(healthy(powers, full=2), *down))
    expected = ChainClass.DEGRADED if has_quorum(left, sum(powers)) else ChainClass.QUORUM_LOST
    assert finding.chain is expected
    assert finding.online_power == left


@given(POWERS, st.data())
@QUICK
def test_less_knowledge_never_adds_certainty(powers: list[int], data: st.DataObject) -> None:
    """Losing all but one node's RPC answers leads to no conclusion about blocks going on."""
    world = healthy(powers)
    keep = data.draw(st.sampled_from([f"val{i}" for i in range(1, len(powers) + 1)]))
    hosts = tuple(r if r.host == keep else _without(r, "samples") for r in world.hosts)
    assert diagnose(replace(world, hosts=hosts)).halted is not Tristate.NO
