"""The agreed model, who gets it, and the facts that decide about that. Pure."""

from __future__ import annotations

from remediations.engine.domain import Facts, StepData
from remediations.engine.plan.plan import Fact
from remediations.playbooks.scoring.conditions import Cure, ScorerCondition
from remediations.playbooks.scoring.containers import container_fact, dependants_fact, dependants_of
from remediations.playbooks.scoring.facts import (
    NONE,
    UNKNOWN,
    named,
    read_fact,
    scorer_facts,
    unit_data,
)
from remediations.playbooks.scoring.impact import smallest_first
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.systems.scorer.source import ModelSource
from remediations.systems.scorer.values import ModelOnDisk
from remediations.values.reading import value_or_none


def needing(scoring: ScoringSituation) -> tuple[str, ...]:
    """The services that need the agreed model, acted on or not: smallest power first."""
    return smallest_first(
        scoring,
        [one.host for one in scoring.finding.scorers if one.condition.rule.cure is Cure.MODEL],
    )


def targets(scoring: ScoringSituation) -> tuple[str, ...]:
    """Those of them that may be acted on."""
    return tuple(host for host in needing(scoring) if scoring.may_act_on(host))


def donors(scoring: ScoringSituation) -> tuple[str, ...]:
    """Those who answer as agreed and have the agreed model on disk: smallest power first."""
    return smallest_first(
        scoring,
        [
            one.host
            for one in scoring.finding.scorers
            if one.condition is ScorerCondition.AGREED
            and one.model == scoring.finding.model
            and _on_disk(scoring, one.host) == scoring.finding.model
        ],
    )


def keepers(scoring: ScoringSituation) -> tuple[str, ...]:
    """The hosts that keep the agreed model as one file."""
    return scoring.staged.get(scoring.finding.model, ())


def agreed_files(scoring: ScoringSituation) -> ModelOnDisk | None:
    """The files of the agreed model, as a donor has them, or the declared directory; None where
    nobody was read who has it."""
    host = telling_donor(scoring)
    if host is not None:
        return value_or_none(scoring.scorer(host).disk)
    source = agreed_source(scoring)
    return None if source is None else source.disk


def telling_donor(scoring: ScoringSituation) -> str | None:
    """The donor that tells all files of its model."""
    for host in donors(scoring):
        disk = value_or_none(scoring.scorer(host).disk)
        if disk is not None and not disk.unlisted:
            return host
    return None


def agreed_source(scoring: ScoringSituation) -> ModelSource | None:
    """The declared directory, where the agreed model lies in it."""
    source = scoring.source
    return source if source is not None and source.has(scoring.finding.model) else None


def manifest_of(disk: ModelOnDisk | None) -> str:
    """Bytes and path of each file, in the order of paths, "" where they are not known."""
    files = disk.files if disk else ()
    return ";".join(f"{file.bytes} {file.path}" for file in files)


def model_facts(scoring: ScoringSituation, host: str) -> tuple[Fact, ...]:
    """What decides about giving a service the agreed model."""
    login = scoring.hosts.host(host)
    records = value_or_none(login.records)
    kept = UNKNOWN if records is None else "no"
    if records is not None and scoring.finding.model in records.staged:
        kept = "yes"
    return (
        *scorer_facts(scoring, host),
        *_of_model(scoring, host),
        container_fact(scoring, host),
        dependants_fact(scoring, host),
        read_fact(
            f"{host}.model_staged", kept, login.records, "what is not there cannot be put in place"
        ),
    )


def donor_facts(scoring: ScoringSituation, host: str) -> tuple[Fact, ...]:
    """What decides about keeping a donor's model as one file."""
    return (*scorer_facts(scoring, host), *_of_model(scoring, host))


def _of_model(scoring: ScoringSituation, host: str) -> tuple[Fact, ...]:
    reading, at = scoring.scorer(host), scoring.observation.began
    unit = value_or_none(reading.unit)
    return (
        named(
            "scoring.model_files",
            manifest_of(agreed_files(scoring)) or UNKNOWN,
            at,
            why="the model is written as these files (bytes and path)",
        ),
        read_fact(f"{host}.model_directory", reading.entry.model, reading.disk, "it is exchanged"),
        read_fact(
            f"{host}.model_disk",
            _on_disk(scoring, host) or UNKNOWN,
            reading.disk,
            "exactly this model is replaced, and kept beside",
        ),
        read_fact(
            f"{host}.model_expected",
            UNKNOWN if unit is None else unit.expects or NONE,
            reading.unit,
            "a service that expects another hash does not start",
        ),
    )


def model_data(facts: Facts, host: str) -> StepData:
    """What the deploys need to know. What is not known lets the compilation fail, where guards
    block already."""
    expects, disk = facts[f"{host}.model_expected"], facts[f"{host}.model_disk"]
    manifest = facts["scoring.model_files"]
    return {
        **unit_data(facts, host),
        "model": facts[f"{host}.model_directory"],
        "sha256": facts["scoring.model"],
        "manifest": "" if manifest == UNKNOWN else manifest,
        "replaces": "" if disk == UNKNOWN else disk,
        "expects": "" if expects in (UNKNOWN, NONE) else expects,
    }


def swap_data(facts: Facts, host: str) -> StepData:
    """`model_data`, and the units that are stopped with the service."""
    return {**model_data(facts, host), "dependants": dependants_of(facts, host)}


def _on_disk(scoring: ScoringSituation, host: str) -> str:
    disk = value_or_none(scoring.scorer(host).disk)
    return disk.sha256 if disk else ""
