"""What a seed gives, and what is right then."""

from __future__ import annotations

from tests.soak.breaking import MEANWHILE, ON_ONE, ON_SOME
from tests.soak.disaster import DONOR, During, Fault, Reason, right
from tests.soak.drawing import FIRST_SERIES, SECOND, drawn
from tests.soak.kinds import KINDS, DuringKind, Kind

SEEDS = range(1, 131)
FIRST, LATER = SEEDS[:FIRST_SERIES], SEEDS[FIRST_SERIES:]


def test_a_seed_is_one_disaster() -> None:
    """The same seed gives the same disaster, at any time and in any order."""
    assert [drawn(seed) for seed in SEEDS] == [drawn(seed) for seed in reversed(SEEDS)][::-1]


def test_the_seeds_are_of_every_kind() -> None:
    """Every kind of fault, and everything that can go wrong during a rescue; the second series
    adds the programs that have to be fetched."""
    first = [drawn(seed) for seed in FIRST]
    kinds = {fault.kind for d in first for fault in d.faults}
    assert kinds == set(Kind) - {Kind.PANIC, Kind.UPGRADE}
    assert {d.during.kind for d in first if d.during} == set(DuringKind)
    assert {fault.kind for n in LATER for fault in drawn(n).faults} > {Kind.PANIC, Kind.UPGRADE}


def test_the_second_series_is_of_long_rescues() -> None:
    """Something goes wrong during each, blocks can come in each, and some have three faults."""
    later = [drawn(seed) for seed in LATER]
    assert all(d.during and d.right.goes_on and d.right.back for d in later)
    assert max(len(d.faults) for d in later) == 3
    assert len(SECOND) <= len({tuple(f.kind for f in d.faults) for d in later})


def test_a_donor_may_stop() -> None:
    """Its databases are copied, which ends its process; that of nobody else."""
    found = right((Fault(Kind.DATABASE, ("val4",)),), None)
    assert found.back == {"val4"}
    assert found.may_restart == {"val4", DONOR}


def test_every_kind_can_be_done_to_the_lab() -> None:
    """Each in one way; the controller is killed where it was started."""
    assert set(ON_ONE) | set(ON_SOME) == set(Kind)
    assert not set(ON_ONE) & set(ON_SOME)
    assert set(DuringKind) - set(MEANWHILE) == {DuringKind.CONTROLLER_KILLED}


def test_no_host_is_broken_twice() -> None:
    """What is right is said of each host by one fault."""
    for seed in SEEDS:
        hosts = [host for fault in drawn(seed).faults for host in fault.hosts]
        assert len(hosts) == len(set(hosts)), drawn(seed)


def test_what_is_not_cured_has_to_be_named() -> None:
    """Each kind is either curable, or has words by which a reason is known to be the right one."""
    assert all(rule.curable != bool(rule.words) for rule in KINDS.values())


def test_right_is_by_power() -> None:
    """Two of 70 are not enough to go on, one of 30 is not missed; whoever can come back does."""
    lost = right((Fault(Kind.STOPPED, ("val4",)), Fault(Kind.STATE_OLDER, ("val1",))), None)
    assert (lost.goes_on, set(lost.back)) == (False, {"val4"})
    assert lost.named == (Reason("val1", ("sign state",)),)
    assert lost.must_not_run == {"val1"}
    kept = right((Fault(Kind.STOPPED, ("val2",)), Fault(Kind.MASKED, ("val4",))), None)
    assert (kept.goes_on, set(kept.back)) == (True, {"val2"})


def test_right_counts_what_happens_meanwhile() -> None:
    """Whoever is stopped during the rescue is to come back as well, and may be restarted."""
    during = During(DuringKind.SECOND_STOPS, "val3", 2)
    found = right((Fault(Kind.FROZEN, ("val4",)),), during)
    assert found.back == {"val3", "val4"} == found.may_restart


def test_states_that_still_differ_are_no_rescue() -> None:
    """While the cause is there no block comes, and that has to be said."""
    found = right((Fault(Kind.SPLIT, ("val1",)),), None)
    assert (found.goes_on, len(found.back), found.named[0].host) == (False, 0, "")
    assert right((Fault(Kind.SPLIT_MENDED, ("val1",)),), None).goes_on


def test_too_little_seen_may_be_refused() -> None:
    """Without 40 of 100 in sight nobody is sure; without 20 everybody is."""
    stopped = Fault(Kind.STOPPED, ("val4",))
    assert right((stopped, Fault(Kind.LOGIN_LOST, ("val1",))), None).may_refuse
    assert not right((stopped, Fault(Kind.LOGIN_LOST, ("val3",))), None).may_refuse
