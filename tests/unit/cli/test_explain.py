"""`remediate explain`: any id or word on a screen leads to its rule."""

from __future__ import annotations

import json
import re

import pytest
from click.shell_completion import ShellComplete

from remediations.cli.main import cli
from remediations.engine.rules.book import RuleEntry, RuleKind, rule_entries
from remediations.errors import ExitCode
from tests.unit.cli.desk import Desk, remediate
from tests.unit.plan.cases import quorum_lost, wrong_clock


def told(*names: str) -> list[dict[str, str]]:
    """The entries that are told for these names."""
    done = remediate("explain", *names, "--json")
    assert done.code == ExitCode.OK, done.out
    found = json.loads(done.out)["result"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("entry", rule_entries(), ids=lambda entry: f"{entry.kind}:{entry.id}")
def test_every_entry_is_found_by_every_name(entry: RuleEntry) -> None:
    """In any case, and told whole: id, kind, title, page and every part."""
    for name in (n for own in entry.names for n in (own, own.upper(), own.lower())):
        (found,) = [e for e in told(name) if e["page"] == entry.page and e["id"] == entry.id]
        assert (found["kind"], found["title"]) == (entry.kind, entry.title)
        assert found["text"].splitlines() == [f"{p.label}: {p.text}" for p in entry.parts]


def test_it_is_drawn_for_a_terminal() -> None:
    """Title, labelled parts inside the width, and the page."""
    done = remediate("explain", "g29")
    assert done.code == ExitCode.OK
    assert done.out.startswith("guard G29: signing power stays above two thirds at every step")
    assert re.search(r"^why +A block needs strictly more than two thirds", done.out, re.MULTILINE)
    assert re.search(r"^page +docs/rules/guards.md#g29$", done.out, re.MULTILINE)
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_name_may_mean_several() -> None:
    """A class and a condition are told both; what is asked for twice is told once."""
    kinds = [entry["kind"] for entry in told("upgrade-needed", "UPGRADE_NEEDED")]
    assert kinds == [RuleKind.CLASS, RuleKind.CONDITION]
    assert [entry["id"] for entry in told("P1", "8", "G29")] == ["P1", "8", "G29"]


def test_without_a_name_all_are_listed() -> None:
    """Every id with its title, by kind."""
    done = remediate("explain")
    assert done.code == ExitCode.OK
    lines = done.out.splitlines()
    assert [line for line in lines if line in list(RuleKind)] == list(RuleKind)
    for entry in rule_entries():
        assert f"  {entry.id:<20} {entry.title}" in lines
    assert [e["id"] for e in told()] == [entry.id for entry in rule_entries()]


@pytest.mark.parametrize("name", ["G2x", "quorum lost", "zombi", "not-verifed"])
def test_a_slip_is_answered_with_what_is_close(name: str) -> None:
    """The next step is a command that works."""
    done = remediate("explain", name)
    assert done.code == ExitCode.USAGE
    assert done.out == ""
    (step,) = re.findall(r"next +remediate explain (\S+)$", done.err, re.MULTILINE)
    assert remediate("explain", step).code == ExitCode.OK


@pytest.mark.parametrize(
    "name", ["", " ", "xyzzy", "../guards", "*", "[", "\x1b[31mG29", "g" * 100_000, "Ｇ２９"]
)
def test_nonsense_is_answered_with_the_kinds(name: str) -> None:
    """At once, with exit 2, and nothing that it holds moves the cursor."""
    done = remediate("explain", "G29", "--", name)
    assert done.code == ExitCode.USAGE
    assert "there is no such entry" in done.err
    assert "guard, check, class, condition, hazard, state, exit code" in done.err
    assert "\x1b" not in done.err


def test_a_shell_completes_names() -> None:
    """Ids, classes and exit codes, in the case that they have."""

    def offered(incomplete: str) -> list[str]:
        shell = ShellComplete(cli, {}, "remediate", "_REMEDIATE_COMPLETE")
        return [item.value for item in shell.get_completions(["explain"], incomplete)]

    assert offered("g4") == ["G4", "G41", "G42", "G45", "G46", "G47", "G48", "G49"]
    assert offered("QUORUM") == ["quorum-lost"]
    assert offered("not_") == ["not_verified"]


def test_a_refused_plan_says_where_the_reasons_are(desk: Desk) -> None:
    """One line, with a command that explains each guard that does not pass."""
    source = desk.saved(wrong_clock(quorum_lost(), "val1"), "wrong-clock")
    for look in ((), ("--verbose",)):
        done = remediate("plan", "INC-001", "-i", desk.inventory, "--from", source, *look)
        assert done.code == ExitCode.REFUSED
        (names,) = re.findall(r"^`remediate explain (.+)` says why$", done.out, re.MULTILINE)
        assert [entry["id"] for entry in told(*names.split())] == ["G37"]
    fine = desk.saved(quorum_lost(), "fine")
    assert "explain" not in remediate("plan", "INC-001", "-i", desk.inventory, "--from", fine).out
