"""Guards on bringing the agreed model to a service."""

from __future__ import annotations

from shlex import quote

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.scoring.conditions import Cure
from remediations.playbooks.scoring.finding import Basis
from remediations.playbooks.scoring.model_facts import (
    agreed_files,
    agreed_source,
    donors,
    keepers,
    manifest_of,
    telling_donor,
)
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.render.formats import percent, short_digest
from remediations.systems.scorer.planned_model import PlannedModelError, check_manifest
from remediations.values.reading import Unknown, value_or_none

_LOOK = "`remediate diagnose scoring` shows who has which model"


def model_agreed(scoring: ScoringSituation, host: str) -> GuardResult:
    """V8: more than two thirds of the power have the model, or the inventory pins it while no
    other one has; and where both are known they are the same."""
    finding, pin = scoring.finding, scoring.scoring.model
    group = finding.model_group(finding.model)
    power, total = (group.power if group else 0), finding.total_power
    contradicts = pin is not None and finding.model_basis is Basis.POWER and pin != finding.model
    nobody = finding.model_basis is Basis.PIN and group is None
    holds = finding.model_basis in (Basis.POWER, Basis.PIN) and not contradicts and not nobody
    next_step = "agree with the other operators on one model, then pin it: `scoring: {model: …}`"
    got = f"{short_digest(finding.model)} with {power} of {total} ({percent(power, total)})"
    if not finding.model:
        got = "no model has two thirds, and none is pinned"
    elif contradicts:
        got += f", but the inventory pins {short_digest(pin or '')}"
    elif finding.model_basis is Basis.PIN:
        got += ", pinned by the inventory"
    if nobody:
        got += ", and no service has it"
        next_step = (
            "its operator gives one service the pinned model by hand, or people agree on another "
            "pin (docs/scoring.md#a-pin)"
        )
    return guard_result(
        "V8",
        "the model is the agreed one",
        subject=host,
        holds=holds,
        got=got,
        expected="one that more than 2/3 of the power have, the pinned one if any is pinned",
        next_step=_LOOK if holds else next_step,
        facts=("scoring.model", "scoring.total_power"),
    )


def needs_model(scoring: ScoringSituation, host: str) -> GuardResult:
    """V9: what is wrong with the service is its model."""
    finding = scoring.finding.scorer(host)
    holds = finding.condition.rule.cure is Cure.MODEL
    return guard_result(
        "V9",
        "what is wrong with the service is its model",
        subject=host,
        holds=holds,
        got=f"{finding.condition}: {finding.cause}",
        expected="another model, half of one, or one that changed on disk",
        next_step=_LOOK if holds else finding.by_hand or _LOOK,
        facts=(f"{host}.scorer",),
    )


def model_staged(scoring: ScoringSituation, host: str) -> GuardResult:
    """V10: the model was brought to the host, as one file of its hash."""
    model = scoring.finding.model
    records = scoring.hosts.host(host).records
    read = value_or_none(records)
    staged = read is not None and model in read.staged
    if isinstance(records, Unknown):
        got = records.reason
    else:
        got = "it was brought" if staged else "it is not there"
    donor = next((one for one in keepers(scoring) if one != host), None)
    next_step = f"remediate stage {model} --donor {quote(donor or '')} --limit {quote(host)}"
    if (source := agreed_source(scoring)) is not None:
        next_step = f"{source.command} --limit {quote(host)}"
    elif donor is None:
        next_step = "`remediate plan INC-002 --branch keep-model` keeps it on a host that has it"
    return guard_result(
        "V10",
        "the model is on the host",
        subject=host,
        holds=None if read is None else staged,
        got=got,
        expected=f"a file with SHA-256 {model or '…'}",
        next_step=_LOOK if staged else next_step,
        facts=(f"{host}.model_staged", "scoring.model"),
    )


def source_agreed(
    scoring: ScoringSituation, _proposal: Proposal[ScoringSituation]
) -> GuardResult | None:
    """V46: where the files are known from the declared directory alone, it has the agreed model."""
    source = scoring.source
    if source is None:
        return None
    found, donor = source.disk.sha256 if source.disk else "", telling_donor(scoring)
    return guard_result(
        "V46",
        "the declared directory has the agreed model",
        holds=True
        if donor or source.has(scoring.finding.model)
        else None
        if source.disk is None
        else False,
        got=f"{source.directory}: {short_digest(found) if found else source.trouble}"
        + (f"; the files are known from {donor}" if donor else ""),
        expected=f"the model {short_digest(scoring.finding.model)}, by the loader's hash",
        next_step="put the pinned model there, or make a service readable that answers as agreed",
        facts=("scoring.model",),
    )


def files_known(scoring: ScoringSituation, host: str) -> GuardResult:
    """V11: which files the model consists of is known from somebody who has it, and the one that
    is replaced is known, too."""
    manifest = manifest_of(agreed_files(scoring))
    disk = value_or_none(scoring.scorer(host).disk)
    trouble = ""
    try:
        check_manifest(manifest)
    except PlannedModelError as error:
        trouble = str(error)
    files = len(manifest.split(";")) if manifest else 0
    source = agreed_source(scoring)
    who = telling_donor(scoring) or (source.directory if source else "")
    got = f"{files} files, as {who} has them" if manifest else "no donor was read"
    if disk is None:
        got += "; the model on this host could not be read"
    known = bool(manifest) and disk is not None
    return guard_result(
        "V11",
        "the files of both models are known",
        subject=host,
        holds=not trouble if known else None,
        got=f"{got}; {trouble}" if trouble and manifest else got,
        expected="1 to 200 files with plain paths, from a service that answers as agreed",
        next_step=_LOOK,
        facts=("scoring.model_files", f"{host}.model_disk"),
    )


def is_donor(scoring: ScoringSituation, host: str) -> GuardResult:
    """V12: the donor answers as agreed, and has the agreed model on disk."""
    finding = scoring.finding.scorer(host)
    holds = host in donors(scoring)
    return guard_result(
        "V12",
        "the donor has the agreed model, and answers with it",
        subject=host,
        holds=holds,
        got=f"{finding.condition}: {finding.cause}",
        expected=f"the agreed answers with the model {short_digest(scoring.finding.model)}",
        next_step=_LOOK,
        facts=(f"{host}.scorer", f"{host}.model_disk"),
    )
