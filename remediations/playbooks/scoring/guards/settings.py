"""Guards on bringing the declared settings to a service."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.scoring.conditions import Cure, ScorerCondition
from remediations.playbooks.scoring.declared import (
    answers_differ,
    environment_of,
    settable,
    wrong_in_process,
)
from remediations.playbooks.scoring.diagnose.view import ScorerView
from remediations.playbooks.scoring.quarantine import take_out
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.render.formats import name_some
from remediations.values.reading import Unknown

_LOOK = "`remediate diagnose scoring` shows the evidence"


def needs_settings(scoring: ScoringSituation, host: str) -> GuardResult:
    """V30: it answers otherwise, and what is wrong are settings that its environment brings."""
    finding = scoring.finding.scorer(host)
    wrong, names = wrong_in_process(scoring, host), {one.name for one in settable(scoring)}
    others = [one.name for one in wrong or () if one.name not in names]
    holds: bool | None = finding.condition.rule.cure is Cure.SETTINGS
    got, next_step = f"{finding.condition}: {finding.cause}", _LOOK
    if not holds:
        next_step = finding.by_hand or _LOOK
    elif not answers_differ(scoring, host):
        holds, next_step = False, "set it at the next restart: it answers as agreed now"
    elif others:
        holds, got = False, f"{name_some(others)} is wrong, too"
        next_step = "set it in the unit by hand: it is a flag, or declared without a value"
    if wrong is None:
        holds, got = None, "its process could not be read"
    return guard_result(
        "V30",
        "what is wrong with the service are its settings",
        subject=host,
        holds=holds,
        got=got,
        expected="other answers than agreed, and names of the environment with other values than "
        "declared",
        next_step=next_step,
        facts=(f"{host}.scorer", f"{host}.environment_runs", "scoring.settings"),
    )


def nothing_else_differs(scoring: ScoringSituation, host: str) -> GuardResult:
    """V31: it runs on processors, and of an image, of which somebody answers as agreed."""
    agreeing = [
        one.host for one in scoring.finding.scorers if one.condition is ScorerCondition.AGREED
    ]
    own = _cpu_class(scoring, host)
    classes = {_cpu_class(scoring, other) for other in agreeing} - {""}
    images = {other: group.digest for group in scoring.finding.images for other in group.hosts}
    image, alike = images.get(host, ""), {images[other] for other in agreeing if other in images}
    trouble = ""
    if own and classes and own not in classes:
        others = " or ".join(sorted(classes)[:3])
        trouble = f"its processors are {own}, of those who agree {others}: no setting cures that"
    elif image and alike and image not in alike:
        trouble = f"its image is {image[:19]}…, of those who agree another"
    known = bool(own and classes)
    return guard_result(
        "V31",
        "processors and image are those of services that agree",
        subject=host,
        holds=not trouble if known or trouble else None,
        got=trouble or (own if known else "whose processors these are is not known"),
        expected="a class of processors and an image of which somebody answers as agreed",
        next_step=f"{take_out(scoring.scoring)}, or move it to a host of their class"
        if trouble
        else _LOOK,
        facts=(f"{host}.scorer", "scoring.agreed"),
    )


def _cpu_class(scoring: ScoringSituation, host: str) -> str:
    return ScorerView(reading=scoring.scorer(host), scoring=scoring.scoring, power=0).cpu_class


def file_safe(scoring: ScoringSituation, host: str) -> GuardResult:
    """V32: the environment file is root's alone."""
    reading = scoring.scorer(host)
    file, found = reading.entry.environment_file, environment_of(scoring, host)
    got = f"{file}, root's alone"
    holds: bool | None = None if found is None else not found.trouble
    if isinstance(reading.environment, Unknown):
        got = reading.environment.reason
    elif found is not None and found.trouble:
        got = f"{file}: {found.trouble}"
    if file is None:
        holds, got = False, "no file is named"
    return guard_result(
        "V32",
        "the environment file is root's alone",
        subject=host,
        holds=holds,
        got=got,
        expected="a regular file of root's, no link, and no directory above it, that others may "
        "write to",
        next_step=_LOOK
        if holds
        else "correct `environment_file` in the inventory, or mend owner and mode by hand",
        facts=(f"{host}.environment_file", f"{host}.environment_safe"),
    )


def file_decides(scoring: ScoringSituation, host: str) -> GuardResult:
    """V33: the unit takes the file last, and its command sets none of the declared names."""
    return file_decides_about(scoring, host, {one.name for one in settable(scoring)})


def file_decides_about(scoring: ScoringSituation, host: str, names: set[str]) -> GuardResult:
    """V33 for these names."""
    found, unit = environment_of(scoring, host), scoring.scorer(host).entry.unit
    over = [one for one in found.over if one.name in names] if found else []
    trouble = ""
    if found is not None and not found.taken:
        trouble = f"{unit} does not take it, or takes another file after it"
    elif over:
        trouble = f"{over[0].name}: {over[0].value}"
    known = found is not None and not found.trouble
    return guard_result(
        "V33",
        "the file decides about the declared settings",
        subject=host,
        holds=not trouble if known else None,
        got=trouble or (f"by {found.taken}" if found and known else "it was not read"),
        expected=f"`--env-file FILE`, or `EnvironmentFile=FILE` and `--env NAME`, in {unit}, and "
        "no value of these names there",
        next_step=_LOOK
        if known and not trouble
        else "let the unit take them from the file alone: docs/scoring.md#declared-settings",
        facts=(f"{host}.environment_taken", f"{host}.scorer_unit"),
    )


def lines_plain(scoring: ScoringSituation, host: str) -> GuardResult:
    """V34: each declared name stands in the file on one plain line, or on none."""
    return lines_plain_of(scoring, host, {one.name for one in settable(scoring)})


def lines_plain_of(scoring: ScoringSituation, host: str, names: set[str]) -> GuardResult:
    """V34 for these names."""
    found = environment_of(scoring, host)
    odd = [one for one in found.odd if one.name in names] if found else []
    trouble = found.form if found else ""
    if odd and not trouble:
        trouble = f"{odd[0].name}: {odd[0].value}"
    known = found is not None and not found.trouble
    return guard_result(
        "V34",
        "the declared names stand in the file as NAME=VALUE",
        subject=host,
        holds=not trouble if known else None,
        got=trouble or ("plain lines" if known else "it was not read"),
        expected="one line NAME=VALUE of each, without quotes, or none",
        next_step=_LOOK if known and not trouble else "write them as NAME=VALUE by hand",
        facts=(f"{host}.environment",),
    )


def comes_back_as_declared(scoring: ScoringSituation, host: str) -> GuardResult:
    """V35: what is restarted does not come back with other settings than declared: as far as its
    file tells what the next start has, else as its process has them now."""
    found, process = environment_of(scoring, host), wrong_in_process(scoring, host)
    names = [one.name for one in settable(scoring)]
    told = found is not None and bool(found.taken) and not found.trouble
    if told and found is not None:
        over = {one.name for one in (*found.over, *found.odd)}
        have = {one.name: one.value for one in found.settings}
        wrong = [
            one.name
            for one in settable(scoring)
            if one.name not in over and have.get(one.name) != one.value
        ]
        wrong += [one.name for one in process or () if one.name in over or one.name not in names]
    else:
        wrong = [one.name for one in process or ()]
    got = "what is declared" if told or process is not None else "unknown while nothing runs"
    return guard_result(
        "V35",
        "it does not come back with other settings than declared",
        subject=host,
        holds=not wrong,
        got=f"{name_some(wrong)} would be another one" if wrong else got,
        expected="the declared settings in its environment file, or in the process that is ended",
        next_step=_LOOK
        if not wrong
        else "set what is declared first (docs/scoring.md#declared-settings), then plan again, or "
        "act on the others (--limit): a service that answers otherwise is worse than none",
        facts=(f"{host}.scorer",),
    )


SETTINGS_GUARDS = (needs_settings, nothing_else_differs, file_safe, file_decides, lines_plain)
