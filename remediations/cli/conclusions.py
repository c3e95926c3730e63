"""Shows what the installed domains conclude from one observation, and gives it an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from remediations.cli.output import CommandResult, TerminalStyle, next_command
from remediations.engine.catalogue import catalogue, find_playbook
from remediations.engine.domain import AnyDomain
from remediations.engine.find.conclude import SEVERITY, Conclusion
from remediations.engine.find.finding import Finding, Health
from remediations.engine.find.render_text import finding_text
from remediations.engine.runs.history import last_unproven
from remediations.errors import ExitCode, UsageError
from remediations.machine.config import MachineConfig
from remediations.render.formats import format_moment, format_observed


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What was concluded from one observation; `at` is when its hosts had been read (UTC)."""

    found: Sequence[Conclusion]
    at: datetime

    @property
    def exit_code(self) -> ExitCode:
        """That of `diagnose`: the worst health decides."""
        return worst_exit_code([one.finding for one in self.found])


EXITS = {Health.WELL: ExitCode.OK, Health.UNKNOWN: ExitCode.UNREADABLE}


def conclusions_result(
    seen: Diagnosis, style: TerminalStyle, *, verbose: bool = False, aged: bool = True
) -> CommandResult:
    """All findings, as text and as the document `diagnosis`: with when the hosts were read, and the
    last run on the same resources that was not verified. With `aged` the text says how old that is,
    as long as it is shown once."""
    now = datetime.now(UTC)
    before = [last_unproven(one.resources, now) for one in seen.found]
    texts = [
        finding_text(
            _shown(one.finding),
            width=style.width,
            colour=style.colour,
            verbose=verbose,
            explained_by=one.explained_by,
            notes=(
                ("observed", _observed(seen, now if aged else None)),
                *((("last run", past.told(now)),) if past else ()),
            ),
        )
        for one, past in zip(seen.found, before, strict=True)
    ]
    return CommandResult(
        exit_code=seen.exit_code,
        document=[
            {
                "finding": one.finding,
                "detail": one.detail,
                "explained_by": list(one.explained_by),
                "observed_at": seen.at,
                "last_run": past,
            }
            for one, past in zip(seen.found, before, strict=True)
        ],
        text="\n\n".join(texts),
    )


def named_domains(what: str | None, config: MachineConfig) -> tuple[AnyDomain, ...]:
    """All domains, or the one that is named directly or by one of its playbooks.

    Raises:
        UsageError: there is none of that name.
        Refused: it is installed, but broken, ambiguous or not allowed here.
    """
    found = catalogue(config)
    if what is None:
        return found.domains
    for domain in found.domains:
        if domain.name.casefold() == what.casefold():
            return (domain,)
    installed = find_playbook(what, config)
    if installed is not None:
        return (installed.domain,)
    names = [domain.name for domain in found.domains]
    ids = [one.playbook.id for one in found.playbooks]
    raise UsageError(
        f"there is no domain and no playbook {what!r}",
        guard="domain",
        got=what,
        expected=", ".join([*names, *ids]) or "an installed domain",
        next_step="remediate list",
    )


def worst_exit_code(findings: Sequence[Finding]) -> ExitCode:
    """The exit code for findings: the worst health decides."""
    worst = max((finding.health for finding in findings), key=SEVERITY.index)
    return EXITS.get(worst, ExitCode.CHANGES_PENDING)


def _observed(seen: Diagnosis, now: datetime | None) -> str:
    if now is None:
        return format_moment(seen.at)
    return format_observed(seen.at, now)


def _shown(finding: Finding) -> Finding:
    if not finding.playbook:
        return finding
    return replace(finding, next_step=next_command("plan", finding.playbook))
