"""Jobs that run by the clock: which ones keep a node from being started, and what a plan says of
the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.chain.everybody import BRANCHES
from remediations.playbooks.chain.guards.jobs import nothing_by_the_clock
from remediations.playbooks.chain.rollback import ROLL_BACK_TOGETHER
from remediations.playbooks.chain.situation import ChainSituation, situation
from remediations.systems.comet.jobs import Job
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from tests import worlds
from tests.worlds.base import HOME, STATE_FILE, known, unknown
from tests.worlds.everybody import everybody_down

(EVERYBODY,) = (branch for branch in BRANCHES if branch.name == "start-everybody")
WATCHDOG = Job(
    kind="timer",
    job="watchdog.timer",
    file="watchdog.service",
    number=0,
    words="systemctl restart virtengine.service",
)


def cron(words: str) -> Job:
    """A line of root's in a file of its own."""
    file = "/etc/cron.d/backup"
    return Job(kind="cron", job=file, file=file, number=3, words=words)


def with_jobs(world: CometReading, host: str, *jobs: Job) -> CometReading:
    return worlds.change(world, host, lambda r: replace(r, jobs=known(jobs)))


def judged(how: Callable[[HostReading], HostReading]) -> GuardResult | None:
    """Of a plan that starts val1, and others."""
    world = worlds.change(everybody_down(), "val1", how)
    return nothing_by_the_clock(_of(world), EVERYBODY.propose(_of(world)))


def _of(world: CometReading) -> ChainSituation:
    return situation(sealed(world), frozenset())


@pytest.mark.parametrize(
    ("job", "next_step"),
    [
        (cron(f"cp /… {STATE_FILE}"), "# before its line in /etc/cron.d/backup on val1"),
        (cron(f"/usr/bin/virtengined start --home {HOME}"), "# before its line"),
        (
            replace(WATCHDOG, words=f"rsync /… {HOME}/data"),
            "`sudo systemctl stop watchdog.timer` on val1",
        ),
        (
            Job(kind="cron", job="/etc/cron.daily", file="/etc/cron.daily/x", number=2,
                words=f"rm {HOME}/data"),
            "`sudo chmod -x /etc/cron.daily/x` on val1",
        ),
        (replace(cron(f"mv /… {STATE_FILE}"), kind="at"), "`sudo atrm`"),
    ],
)  # fmt: skip
def test_what_no_hold_keeps_off_blocks(job: Job, next_step: str) -> None:
    """With the line, and with what keeps it from acting."""
    result = judged(lambda r: replace(r, jobs=known((WATCHDOG, job))))
    assert result is not None
    assert result.outcome is Outcome.BLOCK
    assert result.got.startswith("val1: ")
    assert job.words in result.got
    assert job.where in result.got
    assert next_step in result.next_step


def test_what_goes_through_systemd_or_only_reads_passes() -> None:
    """A hold keeps the one off, and the other changes nothing."""
    jobs = (WATCHDOG, cron(f"tar czf /… -… {HOME} …"))
    for found in (jobs, ()):
        result = judged(lambda r, found=found: replace(r, jobs=known(found)))  # type: ignore[misc]
        assert result is not None
        assert result.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("how", "got"),
    [
        (lambda r: replace(r, jobs=known((cron(f"keep.sh {STATE_FILE}"),))), "does not tell"),
        (lambda r: replace(r, jobs=unknown("too many")), "too many"),
        (lambda r: replace(r, jobs=UNSET), "jobs were not read"),
    ],
    ids=["in doubt", "not read", "home not known"],
)
def test_what_is_not_known_is_unknown(how: Callable[[HostReading], HostReading], got: str) -> None:
    """And says so."""
    result = judged(how)
    assert result is not None
    assert result.outcome is Outcome.UNKNOWN
    assert got in result.got
    assert result.next_step


def test_a_plan_names_what_it_leaves_alone() -> None:
    """Once for all hosts that have it, with what keeps it off."""
    split = worlds.split(worlds.healthy())
    world = with_jobs(with_jobs(split, "val1", WATCHDOG), "val2", WATCHDOG)
    warnings = ROLL_BACK_TOGETHER.propose(_of(world)).warnings
    (said,) = [warning for warning in warnings if "watchdog.timer" in warning]
    assert said.startswith(("val1 and val2: ", "val2 and val1: ", "val1, val2: ", "val2, val1: "))
    assert "while the unit is held it cannot start it" in said
    assert not [w for w in ROLL_BACK_TOGETHER.propose(_of(split)).warnings if "timer" in w]


def test_where_nothing_is_held_it_says_that() -> None:
    """Everybody is brought back, and nobody is held."""
    world = with_jobs(everybody_down(), "val1", WATCHDOG)
    (said,) = [w for w in EVERYBODY.propose(_of(world)).warnings if "watchdog.timer" in w]
    assert "nothing is held by this plan" in said


def test_where_nothing_is_started_it_is_not_asked() -> None:
    """Who stops a second signer waits for no crontab; and an observation of before has no jobs."""
    world = everybody_down()
    old = replace(world, hosts=tuple(replace(host, jobs=UNSET) for host in world.hosts))
    assert nothing_by_the_clock(_of(old), EVERYBODY.propose(_of(old))) is None
    nothing = with_(EVERYBODY.propose(_of(world)), stages=())
    assert nothing_by_the_clock(_of(world), nothing) is None
