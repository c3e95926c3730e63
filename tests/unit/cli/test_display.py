"""What an application shows while it runs, and what the checks show after it."""

from __future__ import annotations

import pytest
from rich.live import Live

from remediations.cli.live import LiveDisplay, to_stderr
from remediations.cli.proof import checks_text
from remediations.engine.apply.look import GateVerdict, Sight
from remediations.engine.runs.records import StepState
from tests.unit.cli.desk import Output
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.report.journal import checks

Captured = pytest.CaptureFixture[str]


def sight(headline: str) -> Sight:
    return Sight(headline=headline, points=())


def shown(*, quiet: bool) -> None:
    """A short run, as the engine tells it."""
    plan = plan_of(quorum_lost())
    (stage,) = plan.stages
    display = LiveDisplay(plan, quiet=quiet)
    with display.shown():
        display.stage_began(stage)
        display.step_is(plan.steps[0], StepState.DONE, "started")
        display.sampled(sight("height 113, round 1: no quorum"))
        display.sampled(sight("height 113, round 1: no quorum"))
        display.sampled(sight("height 114, round 1: quorum"))
        display.gate_is(stage.gate, GateVerdict(open=False, seen="113"))
        display.gate_is(stage.gate, GateVerdict(open=True, seen="114"))


def test_without_a_terminal_each_change_is_a_line(capsys: Captured) -> None:
    """A log has one line for each change, on stderr, with its time, and none for no change."""
    shown(quiet=False)
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line.partition(" ")[2].strip() for line in err.splitlines()]
    assert lines == [
        "stage 1 of 1: start val1",
        "1-0 val1: node.start done: started",
        "height 113, round 1: no quorum",
        "height 114, round 1: quorum",
        "gate open: a block above 113 within 70 s (114)",
    ]


def test_quiet_says_nothing(capsys: Captured) -> None:
    """With --json there is nothing but the document."""
    shown(quiet=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("breaks", ["start", "update", "stop"])
def test_a_display_that_ends_the_process_does_not(
    monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    """What rich raises when its terminal is gone stays in the display."""

    class Terminal(Output):
        def isatty(self) -> bool:
            return True

    def ends(*_: object, **__: object) -> None:
        raise SystemExit(1)

    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(Live, breaks, ends)
    display, went_on = LiveDisplay(plan_of(quorum_lost()), quiet=False), False
    with display.shown():
        went_on = True
    assert went_on


def test_progress_of_checks_may_go_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed pipe, or a stream that is closed itself."""

    class Gone(Output):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    closed, unheard = Output(), 0
    closed.close()
    for stream in (Gone(), closed):
        monkeypatch.setattr("sys.stderr", stream)
        to_stderr("P1 passed")
        unheard += 1
    assert unheard == 2


def test_failed_checks_come_first_and_whole() -> None:
    """What does not pass is never below what does; what passes is counted by check."""
    rows = checks_text(checks()).splitlines()
    assert rows[0].startswith("checks: 2 of 3 pass")
    assert rows[2].startswith("P13    val1")
    assert "peers are back: 1, before 4" in rows[2]
    assert rows[-1] == "recovery is not proven"
    assert max(map(len, rows)) <= 80


def test_passed_checks_are_called_enough() -> None:
    """Nothing is called unproven where every check passes."""
    text = checks_text(checks()[:2])
    assert text.startswith("checks: 2 of 2 pass")
    assert "not proven" not in text
