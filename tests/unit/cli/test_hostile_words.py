"""Whatever a command prints beside its documents: what it was told stays text on its line."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from remediations.cli.commands import list_, status
from remediations.cli.commands.inventory import _summary
from remediations.cli.conclusions import Diagnosis
from remediations.cli.exits import run_command
from remediations.cli.live import LiveDisplay, to_stderr
from remediations.cli.output import CommandResult, TerminalStyle
from remediations.cli.proof import checks_text
from remediations.cli.watch_lines import ChangeLines
from remediations.cli.watch_screen import WatchScreen
from remediations.engine.apply.look import GateVerdict, Sight
from remediations.engine.catalogue import Catalogue, Flaw, Installed, UnusedEntry
from remediations.engine.diff.difference import ObservationDiff
from remediations.engine.diff.render_text import diff_text
from remediations.engine.discovery import Discovered
from remediations.engine.domain import Branch, Playbook, Proposal
from remediations.engine.find.conclude import Conclusion
from remediations.engine.find.finding import Finding
from remediations.engine.observe.heard import HostsHeard
from remediations.engine.plan.plan import Plan, Risk
from remediations.engine.runs.records import StepState
from remediations.engine.verify.result import CheckResult
from remediations.errors import ExitCode, UsageError
from remediations.playbooks.chain.discover.found import summary
from remediations.playbooks.chain.discover.proposal import InventoryProposal as Proposed
from remediations.playbooks.chain.domain import DOMAIN
from remediations.values.wire import canonical
from tests.hostile import each_hostile, of, record_of

EMPTY: Proposal[None] = Proposal(
    title="", stages=(), checks=(), risk=Risk.LOW, worst_case="", warnings=()
)
Captured = pytest.CaptureFixture[str]
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]"
)


@each_hostile
def test_errors(text: str, capsys: Captured) -> None:
    """No value of an error steers the terminal, and none begins a line that looks like a label."""

    def fail() -> object:
        raise UsageError(text, guard=text, got=text, expected=text, next_step="remediate list")

    run_command(fail, [])
    rows = capsys.readouterr().err.splitlines()
    assert not STEERING.search("".join(rows))
    labels = [row[2:11].strip() for row in rows[1:] if not row.startswith(" " * 12)]
    assert labels == [*(["guard", "got", "expected"] if text else []), "next"]


@each_hostile
def test_documents(text: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """One line of ASCII without control characters; parsed, it is the same value to the last
    character, and its canonical form has the same bytes as before."""
    text = text.encode(errors="replace").decode()  # canonical JSON has no lone surrogates
    answer = CommandResult(exit_code=ExitCode.OK, document={text: [text]}, text="")
    assert run_command(lambda: answer, ["--json"]) == 0
    printed = capfdbinary.readouterr().out
    assert re.fullmatch(rb"[\x20-\x7e]+\n", printed)
    parsed = json.loads(printed)
    assert parsed["result"] == {text: [text]}
    assert canonical(parsed["result"]) == canonical({text: [text]})


@each_hostile
def test_progress(text: str, capsys: Captured) -> None:
    """The live display, in a log and in a panel, and the checks as they come."""
    plan = record_of(Plan, of(text))
    (stage, *_), display = plan.stages, LiveDisplay(plan, quiet=False)
    display.stage_began(stage)
    display.step_is(plan.steps[0], StepState.DONE, text)
    display.gate_is(stage.gate, GateVerdict(open=True, seen=text))
    display.sampled(Sight(headline=text, points=()))
    to_stderr(text)
    said = capsys.readouterr().err
    assert not STEERING.search(said)
    assert len(re.findall(r"^\d\d:\d\d:\d\d ", said, flags=re.MULTILINE)) == 4
    panel = display._panel().plain
    assert not STEERING.search(panel)
    assert panel.count("\n") == 4


@each_hostile
def test_watches_and_differences(text: str, capsys: Captured) -> None:
    """A change is one line, a screen keeps its rows, and a difference its rows."""
    finding = record_of(Finding, of(text))
    found = [Conclusion(name=finding.domain, finding=finding, detail=None)]
    seen = Diagnosis(found=found, at=datetime(2026, 11, 25, 12, 0, tzinfo=UTC))
    error = UsageError(text, guard=text, got=text, expected=text, next_step=text)
    lines = ChangeLines()
    lines.concluded(seen)
    lines.failed(error)
    lines.concluded(seen)
    said = capsys.readouterr().out
    assert not STEERING.search(said)
    assert re.sub(r"^20\d\d-.* UTC .*\n", "", said, flags=re.MULTILINE) == ""
    screen = WatchScreen(lambda: TerminalStyle(width=80, colour=False), verbose=True)
    screen.failed(error)
    screen.concluded(seen)
    screen.failed(error)
    screen.looking(HostsHeard([text]))
    drawn = capsys.readouterr().out.replace("\r\n", "\n")
    assert not STEERING.search(re.sub(r"\x1b\[[HKJ]", "", drawn))
    diff = record_of(ObservationDiff, of(text))
    assert not STEERING.search(diff_text(diff, (text, text), width=80, colour=False, verbose=True))


def found_by(text: str) -> Discovered:
    """A discovery of which every word is that text."""
    proposal = record_of(Proposed, of(text))
    found = SimpleNamespace(summary=lambda file: summary(proposal, file))
    return cast("Discovered", found)


@each_hostile
def test_answers(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of playbooks, the list of runs, the summary of a discovery, the checks."""
    branch: Branch[None] = Branch(
        name=text, title=text, condition=text, fits=lambda _: None, propose=lambda _: EMPTY
    )
    playbook = Playbook(id=text, title=text, alerts=(text,), branches=(branch,))
    installed = Installed(
        domain=DOMAIN, playbook=playbook, distribution=text, version=text, module="x"
    )
    trouble = UnusedEntry(name=text, distribution=text, version=text, flaw=Flaw.BROKEN, reason=text)
    found = Catalogue(domains=(), playbooks=(installed,), troubles=(trouble,))
    monkeypatch.setattr(list_, "catalogue", lambda _: found)
    listed = list_.command.callback
    assert listed is not None
    monkeypatch.setattr(
        status,
        "quick_status",
        lambda *_: (SimpleNamespace(state=text, message=text), (text,)),
    )
    run = SimpleNamespace(name=f"run{text}")
    said = [
        listed().text,
        status._all((run,), None).text,  # type: ignore[arg-type]  # only its name is read
        _summary(found_by(text), Path("file"), "next"),
        checks_text(record_of(tuple[CheckResult, ...], of(text))),
    ]
    assert not STEERING.search("".join(said))
    assert [answer.count("\n") for answer in said[:2]] == [10, 0]
