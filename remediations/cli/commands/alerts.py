"""`remediate alerts [DOMAIN]`: the alert rules of the installed domains, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from remediations.cli.options import json_option
from remediations.cli.output import CommandResult
from remediations.engine.alert_rules import DomainAlerts, alerts_of, joined_text
from remediations.engine.catalogue import catalogue
from remediations.engine.domain import AnyDomain
from remediations.errors import ExitCode, UsageError
from remediations.machine.config import load_machine_config


@click.command(
    "alerts",
    help="Print the alert rules of a domain, or of all of them, as one file for Prometheus.",
)
@click.argument("name", required=False, metavar="[DOMAIN]")
@json_option
def command(name: str | None) -> CommandResult:
    """Exit 0: `remediate alerts DOMAIN > FILE` is how they are installed. 2: there is no such
    domain, or it has no rules. 12: the file of one of them cannot be used; nothing is printed
    then, since whoever installs the rest would not miss its alerts."""
    domains = catalogue(load_machine_config()).domains
    found = tuple(filter(None, map(alerts_of, _asked(name, domains))))
    if not found:
        raise _none(name, domains)
    text = joined_text(found)
    return CommandResult(
        exit_code=ExitCode.OK,
        document={"yaml": text, "alerts": [row for one in found for row in _rows(one)]},
        text=text.rstrip("\n"),
    )


def _asked(name: str | None, domains: Sequence[AnyDomain]) -> tuple[AnyDomain, ...]:
    return tuple(one for one in domains if name is None or one.name.casefold() == name.casefold())


def _none(name: str | None, domains: Sequence[AnyDomain]) -> UsageError:
    having = [one.name for one in domains if one.alerts]
    asked = _asked(name, domains)
    what = f"there is no domain {name!r}"
    if asked:
        what = (
            "no domain has alert rules" if name is None else f"{asked[0].name} has no alert rules"
        )
    return UsageError(
        what,
        guard="domain",
        got="none given" if name is None else name or "an empty name",
        expected=", ".join(having) or "an installed domain with alert rules",
        next_step=f"remediate alerts {having[0]}" if having else "remediate list",
    )


def _rows(found: DomainAlerts) -> Iterator[dict[str, str]]:
    for group in found.groups:
        for rule in group.rules:
            yield {
                "domain": found.domain,
                "group": group.name,
                "alert": rule.alert,
                "expr": rule.expr,
                "for": rule.waits,
                "severity": rule.labels.severity,
                "playbook": rule.labels.playbook,
                "summary": rule.annotations.summary,
                "description": rule.annotations.description,
                "command": rule.annotations.command,
                "docs": rule.annotations.docs,
            }
