"""The alert rules that domains bring: `alerts.yaml` in the package `Domain.alerts`, as Prometheus
reads it.

More is asked of the file than Prometheus asks. Whoever is woken by an alert has nothing but it:

1. Every rule is an alert, and names what to do: `playbook`, one of the domain that lists the alert,
   so that `remediate plan` takes both names; `command`, the first thing to type; `docs`.
2. Labels are `severity` and `playbook`, and no templates. With a value that changes, each
   evaluation begins another alert, and its `for` never ends.
3. A group is called after its domain (`lamp`, `lamp-hosts`), so that the rules of several domains
   can be one file: Prometheus refuses a file in which two groups have one name.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import StringIO
from typing import Annotated, Literal

import msgspec

from remediations.engine.domain import AnyDomain
from remediations.errors import MachineError
from remediations.render.printable import one_line
from remediations.values.record import Record

FILE = "alerts.yaml"
_DEEPEST = 16
"""Levels of such a file, and some."""
_SAID = 160
"""The limit for what a library says of a file, in characters."""
_GROUPS = re.compile(r"^groups:[ \t]*\n", re.MULTILINE)
_FIRST_ITEM = re.compile(r"(?:[ \t]*(?:#.*)?\n)*( *)-[ \n]")

Name = Annotated[str, msgspec.Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
Duration = Annotated[str, msgspec.Meta(pattern="^([0-9]+(ms|[smhdwy]))+$")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Plain = Annotated[str, msgspec.Meta(pattern=r"^[^{}\s]+$")]
"""A value of a label: no template, nothing that changes."""
Command = Annotated[str, msgspec.Meta(pattern=r"^remediate [^{}\n]+$")]


class AlertLabels(Record, frozen=True, kw_only=True):
    """What routes an alert; the labels of its series are added."""

    severity: Literal["critical", "high", "warning", "info"]
    playbook: Plain


class AlertAnnotations(Record, frozen=True, kw_only=True):
    """What is read at night. `command` is typed as it is."""

    summary: Text
    description: Text
    command: Command
    docs: Plain


class AlertRule(Record, frozen=True, kw_only=True):
    """One alert. It fires where `expr` has had a value for as long as `waits`, `for` in the
    file."""

    alert: Name
    expr: Text
    waits: Duration = msgspec.field(default="0s", name="for")
    labels: AlertLabels
    annotations: AlertAnnotations


class AlertGroup(Record, frozen=True, kw_only=True):
    """Rules that are evaluated one after the other."""

    name: Plain
    interval: Duration | None = None
    rules: Annotated[tuple[AlertRule, ...], msgspec.Meta(min_length=1)]


class _RuleFile(Record, frozen=True, kw_only=True):
    groups: Annotated[tuple[AlertGroup, ...], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class DomainAlerts:
    """The rules of one domain, and its file as it is, with its comments."""

    domain: str
    text: str
    groups: tuple[AlertGroup, ...]


def alerts_of(domain: AnyDomain) -> DomainAlerts | None:
    """The alert rules of a domain; None if it has none.

    Raises:
        MachineError: its file is missing, or has another form.
    """
    if not domain.alerts:
        return None
    try:
        text = files(domain.alerts).joinpath(FILE).read_text(encoding="utf-8")
    except Exception as error:
        raise _unusable(domain, f"{type(error).__name__}: {error}") from error
    try:
        groups = _parsed(text)
    except ValueError as error:
        raise _unusable(domain, str(error)) from error
    flaw = _flaw(domain, text, groups)
    if flaw:
        raise _unusable(domain, flaw)
    return DomainAlerts(domain=domain.name, text=text, groups=groups)


def joined_text(found: Sequence[DomainAlerts]) -> str:
    """One document with the rules of all, comments included; that of one domain is its own file."""
    if len(found) == 1:
        return found[0].text
    heads, bodies = [], []
    for one in found:
        head, body = _GROUPS.split(one.text, maxsplit=1)
        heads.append("\n".join(line for line in head.split("\n") if line.startswith("#")))
        bodies.append(_shifted(body).strip("\n"))
    return "\n#\n".join(filter(None, heads)) + "\n\ngroups:\n" + "\n\n".join(bodies) + "\n"


def _shifted(body: str) -> str:
    """Groups with their items two spaces from the left, as those of other files are. What stands
    further left than the first item is a comment."""
    first = _FIRST_ITEM.match(body)
    assert first is not None, "`_flaw` refuses such a file"
    depth = len(first[1])
    lines = (
        line.lstrip(" ") if line[:depth].strip() else line[depth:]
        for line in body.split("\n")
        if line.rstrip() != "..."  # the end of a document
    )
    return textwrap.indent("\n".join(lines), "  ")


def _parsed(text: str) -> tuple[AlertGroup, ...]:
    # Imported here: only this command reads such a file.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = _DEEPEST
    try:
        tree = yaml.load(StringIO(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ValueError(f"line {line}: {error.problem}") from error
    except (
        YAMLError,
        RecursionError,
        ArithmeticError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise ValueError(str(error)) from error
    return msgspec.convert(tree, _RuleFile).groups


def _flaw(domain: AnyDomain, text: str, groups: Sequence[AlertGroup]) -> str:
    """What is wrong with rules that have the right form; "" if nothing."""
    bodies = _GROUPS.split(text)[1:]
    if len(bodies) != 1 or not _FIRST_ITEM.match(bodies[0]):
        return "`groups:` does not stand on a line of its own, with a list below it"
    names = [group.name for group in groups]
    if len(set(names)) < len(names):
        return "two of its groups have one name"
    for name in names:
        if name != domain.name and not name.startswith(f"{domain.name}-"):
            return f"the group {name} is not called {domain.name} or {domain.name}-…"
    handled = {(p.id, alert) for p in domain.playbooks for alert in p.alerts}
    seen: set[tuple[str, str]] = set()
    for rule in (rule for group in groups for rule in group.rules):
        if (rule.labels.playbook, rule.alert) not in handled:
            return f"no playbook {rule.labels.playbook} of the domain is for {rule.alert}"
        if (rule.alert, rule.labels.severity) in seen:
            return f"it has {rule.alert} with severity {rule.labels.severity} twice"
        seen.add((rule.alert, rule.labels.severity))
    return ""


def _unusable(domain: AnyDomain, why: str) -> MachineError:
    return MachineError(
        f"the alert rules of the domain {domain.name} cannot be used",
        guard="alerts",
        got=f"{FILE} of {domain.alerts}: {one_line(why)[:_SAID]}",
        expected="rules in the form of docs/writing-a-domain.md#11-alerts",
        next_step="install the package that brings the domain again, or a version of it that works",
    )
