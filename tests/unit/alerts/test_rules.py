"""What holds for every rule that is shipped: it leads to a playbook, can be typed, and can be
looked up; and for every alert of a playbook there is a rule, or the reason why there is none."""

from __future__ import annotations

import re

import pytest

from remediations.engine.alert_rules import AlertRule
from remediations.engine.catalogue import find_playbook
from remediations.machine.config import MachineConfig
from remediations.systems.scorer.inventory import MetricNames
from tests.alerts.metrics import metrics_of
from tests.alerts.shipped import DOMAINS, RULES, SHIPPED
from tests.unit.docs.pages import anchors, prose
from tests.unit.test_house import ROOT

PAGE = "docs/alerts.md"
WITHOUT = re.compile(r"^\| `(\w+)` \| ([^|]{40,}) \|$", re.MULTILINE)
EVERY = [
    pytest.param(rule, id=f"{rule.alert}-{rule.labels.severity}")
    for rules in RULES.values()
    for rule in rules
]


def reasons() -> dict[str, str]:
    """The alerts without a rule, by the table of the page."""
    return dict(WITHOUT.findall(prose(PAGE).partition("## What no rule can see")[2]))


def test_every_domain_of_ours_ships_rules() -> None:
    """Or nobody would be woken."""
    assert [one.name for one in DOMAINS if not one.alerts] == []
    assert all(RULES[name] for name in SHIPPED)


@pytest.mark.parametrize("rule", EVERY)
def test_a_rule_leads_to_its_playbook(rule: AlertRule) -> None:
    """By its label, and by its own name, which is what a person reads first."""
    config = MachineConfig()
    by_label, by_name = (
        find_playbook(rule.labels.playbook, config),
        find_playbook(rule.alert, config),
    )
    assert by_label is not None
    assert by_label == by_name
    (_, command, domain) = rule.annotations.command.split()
    assert (command, domain) == ("diagnose", by_label.domain.name)


@pytest.mark.parametrize("rule", EVERY)
def test_a_rule_can_be_looked_up(rule: AlertRule) -> None:
    """Its page has a section of its own."""
    assert rule.annotations.docs == f"{PAGE}#{rule.alert.lower()}"
    assert rule.alert.lower() in anchors(PAGE)


def test_every_alert_of_a_playbook_has_a_rule_or_a_reason() -> None:
    """And no alert has both."""
    named = {alert for one in DOMAINS for playbook in one.playbooks for alert in playbook.alerts}
    with_rule = {rule.alert for rules in RULES.values() for rule in rules}
    assert named - with_rule <= set(reasons())
    assert not with_rule & set(reasons())


@pytest.mark.parametrize("domain", SHIPPED)
def test_no_rule_asks_for_a_metric_of_nobody(domain: str) -> None:
    """The head of the file says which program exports what is asked for; a metric that no program
    exports is not among them."""
    text = (ROOT / f"remediations/playbooks/{domain}/alerts.yaml").read_text()
    head = text.partition("\ngroups:")[0]
    told = re.findall(r"^#   ([a-z]\w*)(\*?)(?=[ ,])", head, re.MULTILINE)
    for metric in metrics_of(rule.expr for rule in RULES[domain]):
        assert any(
            metric.startswith(name)
            if star
            else re.fullmatch(f"{name}(_(bucket|sum|count))?", metric)
            for name, star in told
        ), metric


def test_services_are_counted_by_the_names_that_the_inventory_supposes() -> None:
    """The same counters tell the tool and Prometheus."""
    asked = metrics_of(rule.expr for rule in RULES["scoring"])
    supposed = MetricNames()
    assert {supposed.completed, supposed.errors, supposed.queue} <= asked
    assert f"{supposed.latency}_bucket" in asked


@pytest.mark.parametrize("domain", SHIPPED)
def test_a_rule_with_for_does_not_rest_on_one_scrape(domain: str) -> None:
    """A range that one scrape decides would be silent, or fire, at each scrape that is lost."""
    shortest = {
        rule.alert: min(map(_seconds, re.findall(r"\[(\w+)\]", rule.expr)), default=60)
        for rule in RULES[domain]
    }
    assert {name: seconds for name, seconds in shortest.items() if seconds < 60} == {}


def _seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]
