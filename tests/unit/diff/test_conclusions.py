"""What decides comes first: classes, healths, conditions, and where names lead."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.engine.diff.conclusions import changed_conclusions
from remediations.engine.find.conclude import Conclusion
from remediations.engine.find.finding import Health
from remediations.engine.observe.observation import Scope
from remediations.systems.comet.reading import sealed
from tests import worlds
from tests.unit.diagnose.test_domains_together import domain, told
from tests.unit.diff.cases import difference, later, of_observations, room
from tests.unit.plan.cases import quorum_lost


def test_the_same_world_later_has_not_changed() -> None:
    """Two minutes alone are not a change, and are told."""
    diff = difference(worlds.healthy(), worlds.healthy())
    assert not diff.decides
    assert diff.readings == ()
    assert (diff.after.ended - diff.before.ended).total_seconds() == 120
    (one,) = diff.domains
    assert (one.domain, one.subjects, one.unchanged) == ("chain", (), 6)


def test_a_lost_quorum_is_a_change_of_the_class_and_of_each_subject() -> None:
    """Was and is, with condition, weight and cause."""
    diff = difference(worlds.healthy(), quorum_lost())
    (one,) = diff.domains
    assert diff.decides
    assert one.state_changed
    assert one.before is not None
    assert one.after is not None
    assert (one.before.verdict, one.after.verdict) == ("healthy", "quorum-lost")
    (val1,) = [change for change in one.subjects if change.name == "val1"]
    assert val1.before is not None
    assert val1.after is not None
    assert (val1.before.condition, val1.after.condition, val1.weight) == ("healthy", "stopped", 40)
    assert {"standby1"}.isdisjoint(change.name for change in one.subjects)
    assert one.unchanged == 1


def test_one_condition_decides_where_the_class_stays() -> None:
    """Another node of the same degraded chain."""
    before = worlds.stopped(worlds.healthy(), "full1")
    after = worlds.stopped(before, "val4")
    diff = difference(before, after)
    (one,) = diff.domains
    assert diff.decides
    assert not one.state_changed
    assert [change.name for change in one.subjects] == ["val4"]


def test_what_one_inventory_lacks_is_named() -> None:
    """Other inventories are compared and told; a host that is gone is a change."""
    before, after = sealed(worlds.healthy()), later(worlds.healthy(standby=0))
    diff = of_observations(before, replace(after, inventory_digest="1" * 64))
    assert "they were read with different inventories: only the first has standby1" in diff.notes
    (one,) = diff.domains
    assert [(change.name, change.after) for change in one.subjects] == [("standby1", None)]
    assert diff.logins == ()


def test_a_name_that_leads_elsewhere_decides() -> None:
    """The conclusions may be the same, and be those of other machines."""
    before, after = sealed(worlds.healthy()), later(worlds.healthy())
    moved = replace(after.logins[0], trouble="DNS: no such host", hops=())
    diff = of_observations(before, replace(after, logins=(moved, *after.logins[1:])))
    assert diff.decides
    assert [change.host for change in diff.logins] == [moved.host]
    assert not any(one.decides for one in diff.domains)


def test_what_limits_the_comparison_is_said() -> None:
    """The wrong order, another scope, another version."""
    before = later(worlds.healthy())
    after = replace(sealed(worlds.healthy()), scope=Scope.DECIDING, tool="remediate 0")
    said = " ".join(of_observations(before, after).notes)
    assert "does not begin after the first one has ended" in said
    assert "the first has a full scope, the second a deciding one" in said
    assert "and remediate 0" in said


def test_a_domain_that_one_observation_does_not_concern() -> None:
    """It is not concluded there, which is a change."""
    diff = of_observations(sealed(worlds.healthy()), room())
    (one,) = diff.domains
    assert (one.domain, one.after) == ("chain", None)
    assert diff.decides


def test_domains_stand_in_the_order_of_the_later_conclusions() -> None:
    """Those that are only in the first observation come last."""

    def concluded(*healths: tuple[str, Health]) -> list[Conclusion]:
        return [Conclusion(name=n, finding=told(n, h), detail=None) for n, h in healths]

    before = concluded(("a", Health.WELL), ("b", Health.WELL))
    after = concluded(("c", Health.DOWN), ("b", Health.WELL))
    changes = changed_conclusions(before, after)
    assert [(one.domain, one.decides) for one in changes] == [
        ("c", True),
        ("b", False),
        ("a", True),
    ]


def test_a_domain_that_fails_is_unknown_there() -> None:
    """Comparing goes on; alone in `diagnose` it would be an error."""
    from remediations.engine.diff.difference import compare_observations

    def fails(*_: object) -> str:
        raise RuntimeError("no")

    diff = compare_observations(
        (domain("a", situation=fails),), sealed(worlds.healthy()), later(worlds.healthy())
    )
    assert [one.after and one.after.verdict for one in diff.domains] == ["not-concluded"]
