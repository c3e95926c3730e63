"""The rules of our own domains."""

from __future__ import annotations

from collections.abc import Mapping

from remediations.engine.alert_rules import AlertRule, DomainAlerts, alerts_of
from remediations.engine.catalogue import catalogue
from remediations.engine.domain import AnyDomain
from remediations.machine.config import MachineConfig

DOMAINS: tuple[AnyDomain, ...] = catalogue(MachineConfig()).domains
FOUND: Mapping[str, DomainAlerts] = {
    one.domain: one for one in filter(None, map(alerts_of, DOMAINS))
}
SHIPPED = tuple(FOUND)
RULES: Mapping[str, tuple[AlertRule, ...]] = {
    name: tuple(rule for group in one.groups for rule in group.rules) for name, one in FOUND.items()
}
