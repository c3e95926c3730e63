"""`remediate alerts`: the rules as Prometheus reads them, or a clear error and nothing printed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remediations.cli.commands import alerts
from remediations.engine.catalogue import Catalogue
from remediations.errors import ExitCode
from remediations.playbooks.chain.domain import DOMAIN as CHAIN
from remediations.playbooks.service.domain import DOMAIN as SERVICE
from tests.unit.cli.desk import remediate
from tests.unit.test_house import ROOT


def test_the_rules_of_one_domain_are_its_file() -> None:
    """With its comments, whatever the case of its name."""
    for name in ("chain", "Chain"):
        done = remediate("alerts", name)
        assert (done.code, done.err) == (0, "")
        assert done.out == (ROOT / "remediations/playbooks/chain/alerts.yaml").read_text()


def test_the_rules_of_all_are_one_document() -> None:
    """One key `groups` at the top."""
    done = remediate("alerts")
    assert done.code == 0
    assert done.out.count("\ngroups:\n") == 1
    for name in ("ChainHalted", "VEIDScoringErrorRate", "HighErrorRate"):
        assert f"- alert: {name}\n" in done.out


def test_json_has_the_file_and_the_rules() -> None:
    """The file as text, and each rule by its names."""
    found = remediate("alerts", "chain", "--json").document["result"]
    assert isinstance(found, dict)
    assert found["yaml"] == remediate("alerts", "chain").out
    (rule,) = (one for one in found["alerts"] if one["alert"] == "NodeDown")
    assert rule["for"] == "1m"
    assert (rule["playbook"], rule["command"]) == ("node-down", "remediate diagnose chain")


@pytest.mark.parametrize("name", ["lamp", "", "INC-001"])
def test_an_unknown_domain(name: str) -> None:
    """Exit 2, with the names that there are, and nothing in the file that was redirected to."""
    done = remediate("alerts", "--", name)
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert "chain, keys, scoring, service" in done.err
    assert "remediate alerts chain" in done.err


def with_domains(monkeypatch: pytest.MonkeyPatch, *domains: object) -> None:
    found = Catalogue(domains=domains, playbooks=(), troubles=())  # type: ignore[arg-type]
    monkeypatch.setattr(alerts, "catalogue", lambda config: found)


def test_a_domain_without_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left out of those of all; asked for by its name, it is an error and no empty file."""
    with_domains(monkeypatch, CHAIN, replace(SERVICE, alerts=""))
    assert remediate("alerts").out == remediate("alerts", "chain").out
    done = remediate("alerts", "service")
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert "service has no alert rules" in done.err


def test_nobody_has_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """No empty file is installed."""
    with_domains(monkeypatch, replace(SERVICE, alerts=""))
    done = remediate("alerts")
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert "no domain has alert rules" in done.err


def test_one_broken_file_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its alerts would be missed by nobody; the others can be asked for by name."""
    with_domains(monkeypatch, CHAIN, replace(SERVICE, alerts="no_such_package_of_rules"))
    done = remediate("alerts")
    assert (done.code, done.out) == (ExitCode.MACHINE, "")
    assert "the alert rules of the domain service cannot be used" in done.err
    assert remediate("alerts", "chain").code == 0
