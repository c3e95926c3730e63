"""Whether the scores agree, and with which model."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Mapping

import pytest
from testinfra.host import Host

from remediations.engine.verify.given import Given
from remediations.playbooks.scoring.baseline import ModelPlaces, ScoringBaseline
from remediations.playbooks.scoring.checks.titles import TITLES
from remediations.playbooks.scoring.look import agrees_with
from remediations.systems.scorer.poll import ScorerPoll

Saw = Callable[[str], None]
"""Says what was seen."""


def _odd(
    hosts: tuple[str, ...], polls: Mapping[str, ScorerPoll], before: ScoringBaseline
) -> dict[str, str]:
    """The hosts that do not give the agreed answers, each with what it does instead."""
    told = {host: agrees_with(polls[host], before.golden) for host in hosts if host in polls}
    return {
        host: "other answers" if agrees is False else polls[host].trouble or "no answer"
        for host, agrees in told.items()
        if agrees is not True
    }


@pytest.mark.check("VP1", TITLES["VP1"])
def test_acted_on_agree(
    given: Given, polls: Mapping[str, ScorerPoll], before: ScoringBaseline, saw: Saw
) -> None:
    """Every service that was acted on gives the agreed answer to every vector."""
    targets = given.plan.targets
    odd = _odd(targets, polls, before)
    vectors = len(before.golden.vectors)
    saw(f"{len(targets) - len(odd)} of {len(targets)} give the agreed answers to {vectors} vectors")
    assert not odd, f"differ: {odd}"


@pytest.mark.check("VP2", TITLES["VP2"])
def test_nobody_else_differs(
    polls: Mapping[str, ScorerPoll], before: ScoringBaseline, saw: Saw
) -> None:
    """Every service that agreed before still does."""
    odd = _odd(before.agreeing, polls, before)
    saw(f"{len(before.agreeing) - len(odd)} of {len(before.agreeing)} still agree")
    assert not odd, f"differ now: {odd}"


@pytest.mark.check("VP3", TITLES["VP3"])
def test_model_on_disk(
    given: Given, host_of: Callable[[str], Host], before: ScoringBaseline, saw: Saw
) -> None:
    """The next start loads the agreed model, too: its hash by the loader's own rule."""
    found: dict[str, str] = {}
    for place in given.plan.part(ModelPlaces).places:
        host = host_of(place.host)
        with host.sudo():
            found[place.host] = loader_hash(host, place.directory)
    saw(", ".join(f"{host} {sha256[:12]}" for host, sha256 in found.items()))
    wrong = {host: sha256 for host, sha256 in found.items() if sha256 != before.model}
    assert not wrong, f"another model: {wrong}"


def loader_hash(host: Host, directory: str) -> str:
    """SHA-256 over the contents of all files in the order of their paths."""
    text = (
        f"cd -P -- {shlex.quote(directory)} && find . -type f ! -name export_metadata.json "
        "-printf '%P\\0' | LC_ALL=C sort -z | xargs -0 -r cat -- | sha256sum"
    )
    said = str(host.check_output(text)).partition(" ")[0]
    assert len(said) == len(hashlib.sha256().hexdigest()), "no hash"
    return said
