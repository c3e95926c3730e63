"""`diagnose --watch`: lines, documents and refusals, with looks that are told beforehand."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from remediations.cli.commands import diagnose
from remediations.cli.observing import hosts_of, require_inventory
from remediations.cli.watch_lines import ChangeLines
from remediations.cli.watching import watch
from remediations.engine.find.conclude import Conclusion, conclude
from remediations.engine.observe.observation import Observation, Scope
from remediations.errors import ExitCode, UsageError
from remediations.systems.comet.reading import CometReading, sealed
from tests import worlds
from tests.unit.cli.desk import Desk, Done, remediate
from tests.unit.cli.watched import FAIL, HANG, Told, looks
from tests.unit.cli.wrong import is_document, is_error
from tests.unit.plan.cases import missing, quorum_lost

Watching = Callable[..., Done]


@pytest.fixture
def watching(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Watching:
    """Runs the command while the looks show these worlds, without waiting between them."""

    async def at_once(_seconds: float) -> None:
        await really(0)

    really = asyncio.sleep
    monkeypatch.setattr("remediations.cli.watching.asyncio.sleep", at_once)

    def run(*told: CometReading | str, words: Sequence[str] = ()) -> Done:
        seen: list[Told] = [one if isinstance(one, str) else sealed(one) for one in told]
        closed: list[bool] = []
        monkeypatch.setattr(diagnose, "open_looks", looks(seen, lambda: closed.append(True)))
        done = remediate("diagnose", "--watch", *words)
        assert closed == [True]
        return done

    return run


def said(done: Done) -> list[str]:
    """The lines without their times, which each of them has."""
    lines = done.out.splitlines()
    for line in lines:
        assert re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC ", line), line
    return [line.partition(" UTC ")[2] for line in lines]


def test_each_change_is_a_line(watching: Watching) -> None:
    """What is not well at first, then each change, until all is well; without a change no line."""
    lost, well = quorum_lost(), worlds.healthy()
    done = watching(lost, lost, worlds.stopped(well, "val4"), well)
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert said(done) == [
        "chain: QUORUM-LOST: halted",
        "chain: 1 node stopped: val1: virtengine.service is stopped",
        "chain: QUORUM-LOST → DEGRADED: not halted",
        "chain: 3 nodes waiting → healthy: full1, val2, val3",
        "chain: 1 node stopped → healthy: val1: it follows the chain at 116",
        "chain: 1 node waiting → stopped: val4: virtengine.service is stopped",
        "chain: DEGRADED → HEALTHY: not halted",
        "chain: 1 node stopped → healthy: val4: it follows the chain at 116",
    ]


def test_it_ends_at_once_where_all_is_well(watching: Watching) -> None:
    """Exit 0 and one line: a script may wait with it."""
    done = watching(worlds.healthy())
    assert (done.code, said(done)) == (ExitCode.OK, ["chain: HEALTHY: not halted"])


def test_a_hundred_nodes_are_a_few_lines(watching: Watching) -> None:
    """Those that changed alike share a line."""
    world = worlds.healthy((10,) * 100)
    done = watching(missing(world, *(f"val{i}" for i in range(1, 41))), world)
    assert len(said(done)) == 5
    assert max(map(len, done.out.splitlines())) < 200


def test_a_look_that_fails_is_told_once(watching: Watching) -> None:
    """The watch goes on; that hosts can be read again is told, too."""
    done = watching(FAIL, FAIL, quorum_lost(), FAIL, worlds.healthy())
    assert done.code == ExitCode.OK
    lines = said(done)
    trouble = (
        "this look failed: no host of the inventory could be read (login: val1: cannot connect); "
        "remediate doctor"
    )
    assert lines[:3] == [trouble, "the hosts can be read again", "chain: QUORUM-LOST: halted"]
    assert lines.count(trouble) == 2


def test_each_look_is_a_document(watching: Watching) -> None:
    """JSON lines, each an answer as without a watch; the last has the code of the command."""
    done = watching(quorum_lost(), FAIL, worlds.healthy(), words=["--json"])
    assert (done.code, done.err) == (ExitCode.OK, "")
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert [one["outcome"] for one in answers] == ["changes_pending", "unreadable", "ok"]
    assert [one["error"] is None for one in answers] == [True, False, True]
    verdicts = [one["result"][0]["finding"]["verdict"] for one in (answers[0], answers[-1])]
    assert verdicts == ["quorum-lost", "healthy"]


def test_one_domain_may_be_watched(watching: Watching) -> None:
    """What follows a blank is not the seconds."""
    assert watching(worlds.healthy(), words=["chain"]).code == ExitCode.OK
    assert watching(worlds.healthy(), words=["INC-001"]).code == ExitCode.OK


def test_what_no_later_look_can_mend_ends_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A domain that nothing concerns, or ssh that cannot be used, at the first look."""

    def nothing(*_: object) -> None:
        raise UsageError(
            "nothing concerns it", guard="domain", got="x", expected="y", next_step="z"
        )

    monkeypatch.setattr(diagnose, "open_looks", looks([sealed(worlds.healthy())]))
    monkeypatch.setattr(diagnose, "conclude", nothing)
    is_error(remediate("diagnose", "--watch"), ExitCode.USAGE, "nothing concerns it")
    is_document(remediate("diagnose", "--watch", "--json"), ExitCode.USAGE)


def test_later_it_does_not(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same error after a look that worked is shown, and the next look is tried."""
    count = 0

    def once(*arguments: Any) -> object:  # noqa: ANN401 - passed on as they are
        nonlocal count
        count += 1
        if count == 2:
            raise UsageError("odd", guard="domain", got="x", expected="y", next_step="z")
        return conclude(*arguments)

    monkeypatch.setattr(diagnose, "conclude", once)
    done = watching(quorum_lost(), worlds.healthy(), worlds.healthy())
    assert done.code == ExitCode.OK
    assert "this look failed: odd (domain: x); z" in said(done)


def test_a_bug_in_a_display_ends_the_watch(desk: Desk) -> None:
    """Nothing hangs, and the connections are closed."""
    closed: list[bool] = []
    opened = looks([HANG], lambda: closed.append(True))

    class Broken(ChangeLines):
        def tick(self) -> None:
            raise RuntimeError("no screen")

    def unused(_seen: Observation) -> Sequence[Conclusion]:
        raise AssertionError

    inventory = require_inventory(desk.inventory)
    with pytest.raises(RuntimeError, match="no screen"):
        watch(
            lambda: opened(inventory, Scope.FULL),
            lambda: hosts_of(inventory),
            unused,
            Broken(),
            seconds=1,
        )
    assert closed == [True]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--watch", "--from", "seen.json"), "a saved observation does not change"),
        (("--watch", "--save", "seen.json"), "--save names one file"),
        (("--watch", "5"), "--watch=5"),
        (("--watch=0",), "1<=x<=3600"),
        (("--watch=-1",), "1<=x<=3600"),
        (("--watch=3601",), "1<=x<=3600"),
        (("--watch=soon",), "soon"),
        (("--watch=",), "--watch"),
        (("--watch=1.5",), "1.5"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    desk: Desk, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Before any host is contacted, with what to do instead."""
    is_error(remediate("diagnose", *words), ExitCode.USAGE, said)
    is_document(remediate("diagnose", *words, "--json"), ExitCode.USAGE, said)
