"""Services that run with other settings than the inventory declares: who may get the declared ones,
and the facts that decide about that. Pure.

Only a service whose answers are not the agreed ones is acted on, and only where the inventory names
the file from which its unit takes the environment.
"""

from __future__ import annotations

from collections.abc import Iterable

from remediations.engine.domain import Facts, StepData
from remediations.engine.plan.plan import Fact
from remediations.playbooks.scoring.conditions import Cure
from remediations.playbooks.scoring.diagnose.view import ScorerView, wrong_settings
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
from remediations.systems.scorer.environment_file import words_of
from remediations.systems.scorer.values import EnvironmentFile, Setting
from remediations.values.reading import value_or_none


def settable(scoring: ScoringSituation) -> tuple[Setting, ...]:
    """What a file of the environment can bring: names of the environment with a declared value.
    Flags stand in a command, and "any value" is nobody's to choose."""
    return tuple(
        one
        for one in scoring.scoring.settings
        if not one.name.startswith("-") and one.value not in ("", None)
    )


def settings_text(settings: Iterable[Setting]) -> str:
    """Settings as words."""
    return " ".join(f"{one.name}={one.value}" for one in settings)


def wrong_in_process(scoring: ScoringSituation, host: str) -> tuple[Setting, ...] | None:
    """The declared settings that the running process does not have; None where it was not read."""
    process = value_or_none(scoring.scorer(host).process)
    if process is None:
        return None
    return tuple(one for one, _ in wrong_settings(scoring.scoring.settings, process.settings))


def answers_differ(scoring: ScoringSituation, host: str) -> bool:
    """Whether it answers, and not as agreed: otherwise than more than two thirds, or several
    answers to one vector. Where nothing is agreed nobody differs."""
    view = ScorerView(reading=scoring.scorer(host), scoring=scoring.scoring, power=0)
    agreed, own = scoring.finding.agreed, scoring.finding.scorer(host).answers
    return bool(agreed) and bool(view.varies or (own and own != agreed))


def needing_settings(scoring: ScoringSituation) -> tuple[str, ...]:
    """The services that differ by their settings, acted on or not: smallest power first."""
    return smallest_first(
        scoring,
        [
            one.host
            for one in scoring.finding.scorers
            if one.condition.rule.cure is Cure.SETTINGS and answers_differ(scoring, one.host)
        ],
    )


def configurable(scoring: ScoringSituation) -> tuple[str, ...]:
    """Those of them that may be acted on, and whose environment file is named."""
    return tuple(
        host
        for host in needing_settings(scoring)
        if scoring.may_act_on(host) and scoring.scorer(host).entry.environment_file
    )


def by_hand(scoring: ScoringSituation) -> tuple[str, ...]:
    """Those of them whose environment file nobody names."""
    return tuple(
        host
        for host in needing_settings(scoring)
        if not scoring.scorer(host).entry.environment_file
    )


def environment_of(scoring: ScoringSituation, host: str) -> EnvironmentFile | None:
    """What was read of its environment file."""
    return value_or_none(scoring.scorer(host).environment)


def file_changes(scoring: ScoringSituation, host: str) -> bool:
    """Whether the file has to be written: a process may run with what stood there before."""
    return file_lacks(scoring, host, settable(scoring))


def file_lacks(scoring: ScoringSituation, host: str, wanted: tuple[Setting, ...]) -> bool:
    """Whether something else, or nothing, stands there of what is wanted."""
    found = environment_of(scoring, host)
    names = [one.name for one in wanted]
    return found is None or words_of(names, found.settings) != settings_text(wanted)


def environment_facts(scoring: ScoringSituation, host: str) -> tuple[Fact, ...]:
    """What decides about writing what is declared to the environment file of a service."""
    wanted = settable(scoring)
    return (
        *scorer_facts(scoring, host),
        named(
            "scoring.settings",
            settings_text(wanted) or NONE,
            scoring.observation.began,
            "inventory",
            why="they are declared, and written",
        ),
        *file_facts(scoring, host, wanted),
    )


def file_facts(
    scoring: ScoringSituation, host: str, wanted: tuple[Setting, ...]
) -> tuple[Fact, ...]:
    """What decides about the file itself, as far as the wanted names go."""
    reading, at = scoring.scorer(host), scoring.observation.began
    found, source = environment_of(scoring, host), reading.environment
    process = value_or_none(reading.process)
    names = [one.name for one in wanted]
    alone = UNKNOWN if found is None else found.trouble or found.form or "yes"
    runs = UNKNOWN if process is None else words_of(names, process.settings) or NONE
    return (
        named(
            f"{host}.environment_file",
            reading.entry.environment_file or NONE,
            at,
            "inventory",
            why="it is written, and nothing else",
        ),
        read_fact(f"{host}.environment_safe", alone, source, "a file that others change is theirs"),
        read_fact(
            f"{host}.environment_taken",
            UNKNOWN if found is None else found.taken or NONE,
            source,
            "what nobody takes changes nothing",
        ),
        read_fact(
            f"{host}.environment",
            UNKNOWN if found is None else words_of(names, found.settings) or NONE,
            source,
            "exactly these lines are replaced; the undo puts them back",
        ),
        read_fact(
            f"{host}.environment_runs", runs, reading.process, "the process has what is declared"
        ),
    )


def environment_data(facts: Facts, host: str) -> StepData:
    """What the deploy needs to know. What is not known lets the compilation fail, where guards
    block already."""
    return file_data(facts, host, "scoring.settings")


def file_data(facts: Facts, host: str, wanted: str) -> StepData:
    """The same, where `wanted` is the fact that has what is to be written."""

    def text(name: str) -> str:
        value = facts[name]
        return "" if value in (UNKNOWN, NONE) else value

    unit = unit_data(facts, host)
    return {
        "unit": unit["unit"],
        "invocation": unit["invocation"],
        "environment_file": text(f"{host}.environment_file"),
        "taken": text(f"{host}.environment_taken"),
        "settings": text(wanted),
        "before": text(f"{host}.environment"),
    }


def environment_undo_data(facts: Facts, host: str) -> StepData:
    """The same backwards, whatever runs by then."""
    return backwards(environment_data(facts, host))


def backwards(data: StepData) -> StepData:
    """The data of the step that takes it back."""
    return {
        **data,
        "settings": data["before"],
        "before": data["settings"],
        "invocation": "",
    }


def differences(facts: Facts, host: str) -> tuple[str, ...]:
    """The change of the file, line by line, as a diff shows it."""
    return diff_of(environment_data(facts, host))


def diff_of(data: StepData) -> tuple[str, ...]:
    """The change of the file by the data of its step."""
    found = []
    for old, new in zip(str(data["before"]).split(), str(data["settings"]).split(), strict=False):
        if old != new:
            found += [f"-{old}"] if not old.startswith("-") else []
            found.append(f"+{new}")
    return tuple(found)
