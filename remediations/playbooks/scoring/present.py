"""The finding as people read it: rows of the first screen, subjects, tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from remediations.engine.find.finding import Finding, FindingRow, FindingTable, Health, Subject
from remediations.playbooks.scoring.classes import ScoringClass
from remediations.playbooks.scoring.conditions import PodAnswer, ScorerCondition
from remediations.playbooks.scoring.diagnose.conclude import agreed_text, group_text
from remediations.playbooks.scoring.diagnose.condition import short_image
from remediations.playbooks.scoring.diagnose.of_pods import name_of
from remediations.playbooks.scoring.finding import (
    Basis,
    ScorerFinding,
    ScoringFinding,
    WorkloadFinding,
)
from remediations.render.formats import count_of, format_moment, name_some, percent

DOMAIN = "scoring"
SHOWN_GROUPS = 12


def present(finding: ScoringFinding) -> Finding:
    """The finding as people read it."""
    every: tuple[ScorerFinding | WorkloadFinding, ...] = (*finding.scorers, *finding.of_pods)
    agreeing = [one for one in every if one.condition in (ScorerCondition.AGREED, PodAnswer.ALIKE)]
    return Finding(
        domain=DOMAIN,
        verdict=finding.verdict.value,
        health=_health(finding),
        headline=f"{len(agreeing)} of {count_of(len(every), 'service')} agree",
        explanation=finding.explanation,
        since=finding.since if finding.verdict is ScoringClass.SKEW else None,
        rows=tuple(_rows(finding)),
        noun="scorer",
        measure="power",
        subjects=tuple(
            Subject(
                name=name_of(one),
                condition=one.condition.value,
                health=one.condition.rule.health,
                weight=one.power or None,
                cause=one.cause,
                by_hand=one.by_hand,
                evidence=one.evidence,
            )
            for one in every
        ),
        tables=tuple(_tables(finding)),
        next_step=finding.next_step,
        playbook=finding.verdict.rule.playbook,
        witnesses=tuple(one.host for one in finding.scorers if one.answers),
        evidence=(),
        causes=("chain",) if finding.split_alike else UNSET,
    )


def _health(finding: ScoringFinding) -> Health:
    """That of the class; a third of the power that cannot score halts the chain with its next
    request: where a pin decides, none has two thirds."""
    if finding.agreed_basis is Basis.PIN:
        return Health.DOWN
    return finding.verdict.rule.health


def _rows(finding: ScoringFinding) -> Iterator[FindingRow]:
    well = finding.agreed_basis is not Basis.NONE
    yield FindingRow(
        title="answer", text=agreed_text(finding), health=Health.WELL if well else Health.DOWN
    )
    if finding.model:
        basis = {
            Basis.POWER: "more than two thirds have it",
            Basis.PIN: "pinned by the inventory",
            Basis.GOLDEN: "that of the golden vectors",
            Basis.LATE: "that of the golden vectors",
        }
        yield FindingRow(title="model", text=f"{finding.model[:16]}, {basis[finding.model_basis]}")
    else:
        yield FindingRow(title="model", text="none has more than two thirds, and none is pinned")
    for one in finding.of_pods:
        asks = f"asked by the node of {name_some(one.hosts, 3)}"
        yield FindingRow(
            title=one.target, text=f"{one.cause}; {asks}", health=one.condition.rule.health
        )
    if finding.unread_power:
        share = percent(finding.unread_power, finding.total_power)
        yield FindingRow(title="unread", text=f"{finding.unread_power} ({share}) of the power")
    if finding.split_alike:
        told = "the chain's app hashes differ between the same hosts"
        yield FindingRow(title="chain", text=told, health=Health.DOWN)


def _tables(finding: ScoringFinding) -> Iterator[FindingTable]:
    if len(finding.answers) > 1:
        yield FindingTable(
            title="answers to the golden vectors",
            columns=("answer", "power", "scorers"),
            rows=tuple(
                (one.digest[:12], str(one.power), group_text(one))
                for one in finding.answers[:SHOWN_GROUPS]
            ),
        )
    if len(finding.images) > 1:
        yield FindingTable(
            title="images",
            columns=("image", "power", "scorers"),
            rows=tuple(
                (short_image(one.digest), str(one.power), group_text(one))
                for one in finding.images[:SHOWN_GROUPS]
            ),
        )
    if len(finding.models) > 1:
        yield FindingTable(
            title="models",
            columns=("model", "power", "since", "scorers"),
            rows=tuple(
                (
                    one.sha256[:16],
                    str(one.power),
                    format_moment(one.since) if one.since else "–",
                    group_text(one),
                )
                for one in finding.models[:SHOWN_GROUPS]
            ),
        )
