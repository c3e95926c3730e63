"""The shipped rules under `promtool`: each fires on a history of its trouble, and none on what is
well (`tests/alerts/DOMAIN.yaml`, a file in promtool's own form for each domain)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.alerts.promtool import promtool
from tests.alerts.shipped import RULES, SHIPPED
from tests.unit.cli.desk import remediate
from tests.unit.test_house import ROOT

HISTORIES = ROOT / "tests" / "alerts"
EXPECTED = re.compile(r"labels: '\{alertname=\"(\w+)\"")


@pytest.mark.parametrize("domain", SHIPPED)
def test_they_fire_and_do_not_fire(domain: str) -> None:
    """On every history of the file; each history names all alerts that fire at a time."""
    done = promtool("test", "rules", HISTORIES / f"{domain}.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("domain", SHIPPED)
def test_each_of_them_fires_somewhere(domain: str) -> None:
    """And a history has no alert that is not there."""
    told = set(EXPECTED.findall((HISTORIES / f"{domain}.yaml").read_text()))
    assert told == {rule.alert for rule in RULES[domain]}


@pytest.mark.parametrize("domain", SHIPPED)
def test_what_is_read_at_night_is_whole(domain: str, tmp_path: Path) -> None:
    """Summary and description of every alert, as Prometheus fills them: no label that is not there,
    no error of a template, and heights as people write them."""
    yaml = YAML(typ="safe", pure=True)
    tree = yaml.load((HISTORIES / f"{domain}.yaml").read_text())
    tree["rule_files"] = [str(ROOT / f"remediations/playbooks/{domain}/alerts.yaml")]
    for history in tree["tests"]:
        fires = [(e["eval_time"], e["exp_samples"]) for e in history.pop("promql_expr_test")]
        # That nothing fires is not met, and promtool shows what does.
        history["alert_rule_test"] = [
            {"eval_time": at, "alertname": name, "exp_alerts": []}
            for at, samples in fires
            for name in sorted({s["labels"].split('"')[1] for s in samples})
        ]
    with (tmp_path / "history.yaml").open("w") as file:
        yaml.dump(tree, file)
    done = promtool("test", "rules", tmp_path / "history.yaml")
    told = re.findall(r"Annotations:\{(.*)\}", done.stdout + done.stderr)
    pages = {page for one in told for page in re.findall(r'docs="[^"#]+#(\w+)"', one)}
    assert pages == {rule.alert.lower() for rule in RULES[domain]}
    for one in told:
        assert not re.search(
            r"no value|rror expanding|\{\{|e\+0|  |\b(of|at|by) (is|has)\b", one
        ), one


def test_a_history_that_is_not_met_fails(tmp_path: Path) -> None:
    """The histories have teeth: with rules that never fire they fail."""
    rules = (ROOT / "remediations/playbooks/scoring/alerts.yaml").read_text()
    (tmp_path / "rules.yaml").write_text(re.sub(r"\[5m\]", "[5m] offset 1y", rules))
    history = (HISTORIES / "scoring.yaml").read_text()
    (tmp_path / "history.yaml").write_text(re.sub(r"- \.\./.*", "- rules.yaml", history))
    done = promtool("test", "rules", tmp_path / "history.yaml")
    assert done.returncode != 0
    assert "VEIDScoringErrorRate" in done.stdout + done.stderr


def test_what_is_printed_is_one_file_for_prometheus(tmp_path: Path) -> None:
    """That of each domain, and that of all together."""
    for name in (*SHIPPED, ""):
        file = tmp_path / f"{name or 'all'}.yaml"
        file.write_text(remediate("alerts", *filter(None, [name])).out)
        done = promtool("check", "rules", "--lint=all", "--lint-fatal", file)
        assert done.returncode == 0, done.stdout + done.stderr
        rules = RULES[name] if name else [rule for rules in RULES.values() for rule in rules]
        assert f"SUCCESS: {len(rules)} rules found" in done.stdout
