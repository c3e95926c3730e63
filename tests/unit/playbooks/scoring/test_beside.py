"""A node that ended because its sidecar does not answer leads to the diagnosis of the scores."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.playbooks.chain.beside import with_scorers
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.finding import ChainFinding
from remediations.playbooks.chain.situation import situation_of
from remediations.systems.comet.reading import sealed
from tests.unit.playbooks.scoring.cases import observed
from tests.worlds import healthy
from tests.worlds.scoring import scorers

NEXT = "remediate diagnose scoring"
DIAL = "its last words were: dial tcp 127.0.0.1:50051: connect: connection refused"


def ended(cause: str, by_hand: str = "") -> ChainFinding:
    """val1 ended with these words."""
    finding = situation_of(healthy(), frozenset()).finding
    rule = NodeCondition.DEPENDENCY_FAILS.rule
    advice = by_hand or rule.by_hand.replace("UNIT", "virtengined.service")
    node = replace(
        finding.node("val1"),
        condition=NodeCondition.DEPENDENCY_FAILS,
        cause=cause,
        by_hand=advice,
    )
    nodes = tuple(node if one.host == "val1" else one for one in finding.nodes)
    return replace(finding, nodes=nodes, next_step=f"val1: {advice}")


def test_its_advice_and_the_next_step_name_it() -> None:
    found = with_scorers(ended(DIAL), observed(scorers()))
    assert NEXT in found.node("val1").by_hand
    assert found.next_step.startswith("val1: Its host has a scoring service")
    assert NEXT not in found.node("val2").by_hand


def test_what_is_on_another_host_or_is_a_signer_does_not() -> None:
    elsewhere = ended("its last words were: dial tcp 10.0.0.7:50051: connect: refused")
    signer = ended(DIAL, "Mend the remote signer first.")
    for finding in (elsewhere, signer):
        assert with_scorers(finding, observed(scorers())) == finding


def test_a_host_without_a_scoring_service_does_not() -> None:
    finding = ended(DIAL)
    assert with_scorers(finding, sealed(healthy())) is finding
    others = replace(scorers(), hosts=tuple(one for one in scorers().hosts if one.host != "val1"))
    assert with_scorers(finding, observed(others)) is finding
