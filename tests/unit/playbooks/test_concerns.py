"""What a domain says to an observation without anything of it, and what it names of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from remediations.engine.entry_points import domain_flaw
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.recheck import check_derivation, recheck
from remediations.engine.rules.domain_rules import domain_rules
from remediations.errors import Refused, UsageError, WorldChanged
from remediations.playbooks.chain.domain import DOMAIN
from remediations.systems.comet.reading import CometNodes, has_nodes, sealed
from remediations.values.part import Part
from remediations.values.wire import digest
from tests import worlds
from tests.unit.plan.cases import maker, plan_of, quorum_lost

WORLD = quorum_lost()


def without_nodes(seen: Observation) -> Observation:
    """The same look where no such system was configured."""
    return msgspec.structs.replace(
        seen, parts=tuple(part for part in seen.parts if part.kind != CometNodes.KIND)
    )


def with_nodes(seen: Observation, value: dict[str, Any]) -> Observation:
    """The same look with another value of that part."""
    other = Part(kind=CometNodes.KIND, value=value)
    parts = tuple(other if part.kind == other.kind else part for part in seen.parts)
    return msgspec.structs.replace(seen, parts=parts)


def test_chain_is_concerned_where_a_node_is_expected() -> None:
    """Also where nothing of it could be read, and where what was read has another form."""
    seen = sealed(worlds.healthy())
    assert has_nodes(seen)
    assert has_nodes(with_nodes(seen, {"hosts": [{"role": "full"}]}))
    assert has_nodes(with_nodes(seen, {"hosts": ["?"]}))
    assert has_nodes(with_nodes(seen, {}))


def test_chain_is_not_concerned_where_none_is() -> None:
    seen = sealed(worlds.healthy())
    assert not has_nodes(without_nodes(seen))
    assert not has_nodes(with_nodes(seen, {"hosts": [{"role": "bastion"}]}))
    assert not has_nodes(with_nodes(seen, {"hosts": []}))


def test_plan_whose_observation_has_nothing_of_its_domain_is_refused() -> None:
    """Whoever edits both files makes the digests agree."""
    seen = without_nodes(sealed(WORLD))
    plan: Plan = msgspec.structs.replace(plan_of(WORLD), observation_digest=digest(seen))
    with pytest.raises(Refused, match="not what its own observation gives"):
        check_derivation(plan, seen, maker())


def test_world_that_has_nothing_of_the_domain_any_more_has_changed() -> None:
    with pytest.raises(WorldChanged) as changed:
        recheck(plan_of(WORLD), without_nodes(sealed(WORLD)), maker())
    assert "chain: planned observed, now nothing of it was read" in changed.value.got


def test_part_that_cannot_be_used_is_a_usage_error() -> None:
    """One that is missing, and one of another form: for every domain alike."""
    seen = sealed(WORLD)
    for wrong in (without_nodes(seen), with_nodes(seen, {"hosts": []})):
        with pytest.raises(UsageError, match=r"no comet\.reading/1 that can be used"):
            wrong.read(CometNodes)


@pytest.mark.parametrize(
    "said", [{"concerns": True}, {"rests_on": "chain"}, {"rests_on": (1,)}, {"rules": None}]
)
def test_domain_that_says_nonsense_of_itself_is_not_used(said: dict[str, Any]) -> None:
    assert domain_flaw(DOMAIN) == ""
    assert domain_flaw(replace(DOMAIN, **said)) != ""


def test_rules_of_a_domain_are_read_from_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that are not there, or not text, cost the entries of their own domain only."""
    monkeypatch.syspath_prepend(tmp_path)
    for package, page in (
        ("acme_good_rules", b"## G1\n\nit is lit\n\n- **Says:** Yes.\n"),
        ("acme_bad_rules", b"\xff"),
    ):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "guards.md").write_bytes(page)
    domains = [
        replace(DOMAIN, rules=rules)
        for rules in ("", "acme_no_such_rules", "acme_bad_rules", "acme_good_rules")
    ]
    (entry,) = domain_rules(domains)
    assert (entry.id, entry.title) == ("G1", "it is lit")
    assert entry.page == "acme_good_rules/guards.md#g1"
