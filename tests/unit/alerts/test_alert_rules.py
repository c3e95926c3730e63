"""`engine.alert_rules`: the form of a file is strict, and files of several domains become one."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from remediations.engine.alert_rules import DomainAlerts, alerts_of, joined_text
from remediations.engine.domain import AnyDomain
from remediations.errors import MachineError
from remediations.playbooks.service.domain import DOMAIN
from tests.alerts.shipped import FOUND, RULES

RULE = """\
# Metrics: up of Prometheus.

groups:
  - name: service
    rules:
      - alert: HighErrorRate
        expr: up == 0
        labels: {severity: high, playbook: high-error-rate}
        annotations:
          summary: it answers with errors
          description: "{{ $labels.instance }} answers with errors"
          command: remediate diagnose service
          docs: docs/alerts.md#higherrorrate
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package without rules."""
    directory = tmp_path / "acme_rules"
    directory.mkdir()
    (directory / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "acme_rules", raising=False)
    return directory


def read(package: Path, text: str | None) -> DomainAlerts | None:
    """The rules of a domain whose package has this file."""
    if text is not None:
        (package / "alerts.yaml").write_text(text)
    domain: AnyDomain = replace(DOMAIN, alerts=package.name)
    return alerts_of(domain)


def test_a_domain_without_rules() -> None:
    """There is nothing wrong with that."""
    assert alerts_of(replace(DOMAIN, alerts="")) is None


def test_rules_are_read(package: Path) -> None:
    """`for` may be left out, as Prometheus has it."""
    found = read(package, RULE)
    assert found is not None
    ((rule,),) = (group.rules for group in found.groups)
    assert (rule.waits, rule.labels.severity) == ("0s", "high")
    assert found.text == RULE


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("groups:", "rules:", "unknown field `rules`"),
        ("groups:", "groups: &a", "does not stand on a line"),
        ("groups:\n", "groups:\n  !!seq\n", "with a list below it"),
        ("- name: service", "- name: chain", "is not called service"),
        ("alert:", "record:", "`record`"),
        ("expr: up == 0", "expr: 1", "Expected `str`, got `int`"),
        ("expr: up == 0", "expr: ''", "length"),
        ("expr: up == 0", "expr: up == 0\n        for: soon", "for"),
        ("severity: high", "severity: page", "Invalid enum value 'page'"),
        ("severity: high", 'severity: "{{ $value }}"', "Invalid enum value"),
        ("severity: high,", "severity: high, now: '{{ $value }}',", "unknown field `now`"),
        ("playbook: high-error-rate", "playbook: INC-001", "no playbook INC-001"),
        ("playbook: high-error-rate", "playbook: '{{ $value }}'", "playbook"),
        ("HighErrorRate", "HighErrorRatio", "is for HighErrorRatio"),
        ("command: remediate", "command: kubectl", "command"),
        ("          docs: docs/alerts.md#higherrorrate\n", "", "missing required field `docs`"),
        ("summary: it", "summary: it\n          summary: it", "line 11"),
        ("groups:", "groups: [\n", "line"),
        ("groups:", "x: " + "[" * 40, "depth"),
    ],
)
def test_what_cannot_be_used_is_refused(package: Path, old: str, new: str, said: str) -> None:
    """One sentence says what is wrong, whose it is, and what to do."""
    with pytest.raises(MachineError, match="rules of the domain service cannot be used") as caught:
        read(package, RULE.replace(old, new))
    assert said in caught.value.got
    assert caught.value.got.startswith("alerts.yaml of acme_rules: ")


def test_two_rules_of_one_name_differ_in_severity(package: Path) -> None:
    """A warning and a page; Prometheus would not tell two others apart."""
    rule = RULE.partition("    rules:\n")[2]
    read(package, RULE + rule.replace("severity: high", "severity: critical"))
    with pytest.raises(MachineError) as caught:
        read(package, RULE + rule)
    assert "HighErrorRate with severity high twice" in caught.value.got


def test_two_groups_of_one_name_are_refused(package: Path) -> None:
    with pytest.raises(MachineError) as caught:
        read(package, RULE + RULE.partition("groups:\n")[2])
    assert "two of its groups have one name" in caught.value.got


@pytest.mark.parametrize("text", [None, "", "[]", "\0", "groups: []\n", "groups:\n"])
def test_a_file_without_rules_is_refused(package: Path, text: str | None) -> None:
    """A domain that says it has rules has some."""
    with pytest.raises(MachineError):
        read(package, text)


def test_a_package_that_is_not_there_is_refused() -> None:
    domain: AnyDomain = replace(DOMAIN, alerts="no_such_package_of_rules")
    with pytest.raises(MachineError, match="cannot be used") as caught:
        alerts_of(domain)
    assert "ModuleNotFoundError" in caught.value.got


def test_files_of_several_domains_are_one(package: Path) -> None:
    """Whatever their indentation, with all comments, and with every rule as it was."""
    flat = RULE.replace("\n  ", "\n").replace("- name: service", "- name: service-flat")
    found = read(package, f"---\n{flat}# The end.\n...\n")
    assert found is not None
    text = joined_text([*FOUND.values(), found])
    tree = YAML(typ="safe", pure=True).load(text)
    groups = [group["name"] for group in tree["groups"]]
    assert groups == [g.name for one in (*FOUND.values(), found) for g in one.groups]
    expressions = [rule["expr"] for group in tree["groups"] for rule in group["rules"]]
    assert expressions == [rule.expr for rules in RULES.values() for rule in rules] + ["up == 0"]
    assert "# Metrics: up of Prometheus." in text
