"""The driver: one call, whatever it answers, and the outcome that the probe tells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from remediations.engine.apply.driver import AlreadyClaimed, NoAnswer, NotLaunched, ProbeState
from remediations.systems.sessions.calls import CallClaim, CallResult
from tests.lab.vaults import search
from tests.unit.sessions.cases import STEP, Case, Launched
from tests.unit.sessions.service import TOKEN

DONE, RUNNING = ProbeState.DONE, ProbeState.RUNNING


def test_it_is_called_once_and_its_probe_tells(case: Case) -> None:
    """With its body and its token, which is nowhere else."""
    step = case.launched(case.item())
    assert step.probe().state is ProbeState.NOT_STARTED
    step.launch()
    found = step.ended()
    assert (found.state, found.exit_status) == (DONE, 0), found
    assert case.service.open_sessions == 0
    assert case.service.requests("POST") == [("/end", '{"reason":"incident"}', f"Bearer {TOKEN}")]
    with pytest.raises(AlreadyClaimed):
        step.launch()
    assert step.void() is DONE
    assert len(case.service.requests("POST")) == 1
    kept = case.home / "sessions"
    assert search(kept, {"token": TOKEN.encode()}, but=case.home / "portal.token") == []
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("fault", "exit_status", "word"),
    [
        ("lies", 1, "answered 200"),
        ("denies", 1, "answered 403"),
        ("fails", 0, "answered 500"),
        ("hangs", 0, "no answer within 1 s"),
        ("late", 0, "answered 202"),
    ],
)
def test_what_it_answers_is_not_the_outcome(
    case: Case, fault: str, exit_status: int, word: str
) -> None:
    """The probe is, for as long as the item allows; and it is called once."""
    case.service.breaks(fault)
    step = case.launched(case.item(call_s=1, done_s=20 if fault == "late" else 1))
    step.launch()
    found = step.ended()
    assert (found.state, found.exit_status) == (DONE, exit_status), found
    assert word in found.output + found.error_output
    assert len(case.service.requests("POST")) == 1


def test_a_redirect_is_not_followed(case: Case) -> None:
    """Neither by the call nor by the probe, which then does not tell: unknown, and not called
    again. When it tells again, the step is settled."""
    case.service.breaks("redirects")
    step = case.launched(case.item())
    step.launch()
    until = time.monotonic() + 30
    while step.call.result is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    with pytest.raises(NoAnswer, match="a redirect, which is not followed"):
        step.probe()
    case.service.breaks("")
    assert step.ended().exit_status == 0
    assert not [path for path, _, _ in case.service.requests("GET") if path == "/elsewhere"]
    assert len(case.service.requests("POST")) == 1


def test_what_was_not_sent_has_failed_at_once(case: Case) -> None:
    """Nobody listens; the token cannot be read any more. Nothing was called."""
    step = case.launched(case.item(done_s=30))
    (case.home / "portal.token").chmod(0o644)
    step.launch()
    found = step.ended(20)
    assert found.exit_status == 1
    assert "nothing was sent or started" in found.error_output
    assert "chmod 600" in found.error_output
    assert case.service.requests("POST") == []


def test_a_time_that_counts_from_the_plan_on(case: Case) -> None:
    """Sessions from before the plan do not count any more; new ones do not matter."""
    step = case.launched(case.item(pointer="/state/not_before", equals=""))
    step.launch()
    assert step.ended().exit_status == 0
    case.service.log_in()
    assert step.probe().exit_status == 0


def test_one_that_is_voided_is_never_called(case: Case) -> None:
    """A launch that comes later is refused."""
    step = case.launched(case.item())
    assert step.void() is ProbeState.VOIDED
    with pytest.raises(AlreadyClaimed):
        step.launch()
    assert case.service.requests("POST") == []


def test_it_is_called_to_its_end_when_the_controller_dies(case: Case) -> None:
    """The call has a process of its own: it goes on, and is found again."""
    case.service.note("takes_s", "1.5")
    step = case.launched(case.item(done_s=20))
    ended = subprocess.run(
        [sys.executable, "-m", "tests.unit.sessions.dying_controller", str(case.home)],
        input=step.order.payload, text=True, check=False, capture_output=True,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert step.probe().state is RUNNING
    with pytest.raises(AlreadyClaimed):
        step.launch()
    assert step.ended().exit_status == 0
    assert step.call.result is not None
    assert len(case.service.requests("POST")) == 1


def process_with(*words: str) -> int | None:
    """The number of a process whose command line has all these words, None if there is none."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if {word.encode() for word in words} <= set(path.read_bytes().split(b"\0")):
                return int(path.parent.name)
    return None


def killed(step: Launched) -> None:
    """End the process that calls, at once."""
    number = process_with(str(step.call.path), "-m")
    assert number is not None, "no process calls"
    os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize(
    ("takes_s", "done_s", "exit_status"), [("1.5", 20, 0), ("30", 1, 1)], ids=["done", "not done"]
)
def test_where_the_call_itself_is_killed_its_probe_decides(
    case: Case, takes_s: str, done_s: int, exit_status: int
) -> None:
    """It was sent: the service does it within the time, or not. It is not sent again."""
    case.service.note("takes_s", takes_s)
    step = case.launched(case.item(call_s=2, done_s=done_s))
    early = step.order.item.call.within_s
    step.launch()
    while not case.service.requests("POST"):
        time.sleep(0.05)
    killed(step)
    claim = step.call.claimed
    assert claim is not None
    # Nobody waits for half a minute here: it was claimed long ago.
    past = {"plan": STEP.plan, "step": STEP.step, "payload": claim.payload}
    text = json.dumps({**past, "at": str(claim.at - 30 - early)})
    (step.call.path / "claim.json").write_text(text)
    found = step.ended()
    assert found.exit_status == exit_status, found
    assert "its end was not seen" in found.output + found.error_output
    assert len(case.service.requests("POST")) == 1


def other_machine(case: Case) -> Launched:
    return case.launched(case.item(), machine="elsewhere")


def other_item(case: Case) -> Launched:
    step = case.launched(case.item())
    step.work = case.launched(case.item(call_s=3)).work
    return step


def shared_directory(case: Case) -> Launched:
    (case.home / "sessions").chmod(0o755)
    return case.launched(case.item())


def swapped_program(case: Case) -> Launched:
    step = case.launched(case.command("true", "true"))
    case.program("reset", "touch /nowhere")
    return step


def writable_program(case: Case) -> Launched:
    step = case.launched(case.command("true", "true"))
    (case.home / "look").chmod(0o777)
    return step


def foreign_bytes(case: Case) -> Launched:
    step = case.launched(case.item())
    step.work = step.work.__class__(
        **{**{n: getattr(step.work, n) for n in step.work.__struct_fields__}, "payload": "x\n{}"}
    )
    return step


@pytest.mark.parametrize(
    ("made", "word"),
    [
        (other_machine, "is reset from elsewhere"),
        (other_item, "another item in the inventory"),
        (shared_directory, "directory of calls is not used"),
        (swapped_program, "another program than planned"),
        (writable_program, "others may write"),
        (foreign_bytes, "no bytes of ours"),
    ],
    ids=["machine", "item", "directory", "swapped", "writable", "bytes"],
)
def test_what_is_not_as_planned_is_not_called(
    case: Case, made: Callable[[Case], Launched], word: str
) -> None:
    """Nothing was claimed, and nothing was called."""
    step = made(case)
    with pytest.raises(NotLaunched, match=word):
        step.launch()
    assert not step.call.path.exists()
    assert case.service.requests("POST") == []


def test_a_command_is_run_once(case: Case) -> None:
    """Without a shell, with nothing of our environment and nothing to read."""
    log = case.home / "log"
    text = f'echo "$1 $(env | grep -c SECRET) $(wc -c)" >> {log}; touch {case.home}/done'
    step = case.launched(case.command(text, f"test -e {case.home}/done"))
    os.environ["A_SECRET"] = "x"
    try:
        step.launch()
    finally:
        del os.environ["A_SECRET"]
    found = step.ended()
    assert (found.state, found.exit_status) == (DONE, 0), found
    assert log.read_text() == "application 0 0\n"


@pytest.mark.parametrize(
    ("text", "probe", "exit_status", "word"),
    [
        ("exit 3", "exit 1", 1, "ended with 3"),
        ("exit 3", "exit 0", 0, "ended with 3"),
        ("sleep 60", "exit 1", 1, "did not end within 1 s: killed"),
        ("sleep 60", "exit 0", 0, "killed"),
    ],
    ids=["failed", "failed after doing it", "too long", "too long after doing it"],
)
def test_how_a_command_ends_is_not_the_outcome(
    case: Case, text: str, probe: str, exit_status: int, word: str
) -> None:
    """Its probe tells."""
    step = case.launched(case.command(text, probe, call_s=1))
    step.launch()
    found = step.ended()
    assert (found.state, found.exit_status) == (DONE, exit_status), found
    assert word in found.output + found.error_output


def test_a_probe_that_ends_otherwise_settles_nothing(case: Case) -> None:
    """Exit 2 is neither done nor not yet."""
    step = case.launched(case.command("true", "exit 2"))
    step.launch()
    until = time.monotonic() + 30
    while step.call.result is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    with pytest.raises(NoAnswer, match="ended with 2"):
        step.probe()


def test_a_command_that_outlives_its_process_is_followed(case: Case) -> None:
    """It inherits the lock: while it runs, nothing is concluded."""
    done = case.home / "done"
    step = case.launched(case.command(f"sleep 3; touch {done}", f"test -e {done}"))
    step.launch()
    until = time.monotonic() + 30
    while process_with(str(case.home / "reset"), "application") is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    killed(step)
    assert step.probe().state is RUNNING
    assert step.ended().exit_status == 0
    assert step.call.result is None


def test_a_damaged_claim_settles_nothing(case: Case) -> None:
    """It is neither called nor not called."""
    step = case.launched(case.item())
    step.launch()
    step.ended()
    (step.call.path / "claim.json").write_text("{")
    with pytest.raises(NoAnswer):
        step.probe()


def test_of_many_launches_one_calls(case: Case) -> None:
    """Whoever comes second is told so, also while the first one calls."""
    case.service.note("takes_s", "0.5")
    step = case.launched(case.item(done_s=20))

    def launched() -> bool:
        try:
            step.launch()
        except AlreadyClaimed:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: launched(), range(4))) == [False, False, False, True]
    assert step.ended().exit_status == 0
    assert len(case.service.requests("POST")) == 1


def test_where_nothing_came_after_the_claim_its_probe_decides(case: Case) -> None:
    """The controller died between claiming and calling: not done, and never called."""
    step = case.launched(case.item(call_s=1, done_s=1))
    step.call.make()
    long_ago = int(time.time()) - 60
    step.call.claim(
        CallClaim(plan=STEP.plan, step=STEP.step, payload=step.work.payload, at=long_ago)
    )
    found = step.ended()
    assert (found.state, found.exit_status) == (DONE, 1)
    assert "whether it was called is not known" in found.error_output
    with pytest.raises(AlreadyClaimed):
        step.launch()
    assert case.service.requests("POST") == []


def test_a_claim_of_another_step_settles_nothing(case: Case) -> None:
    """Somebody has copied it: what it says is not about this one."""
    step = case.launched(case.item())
    step.launch()
    step.ended()
    claim = step.call.path / "claim.json"
    claim.write_text(claim.read_text().replace("ab" * 32, "ab" * 8 + "cd" * 24))
    with pytest.raises(NoAnswer, match="of another step"):
        step.probe()


def test_a_result_that_was_kept_says_what_was_seen(case: Case) -> None:
    """In words of ours: what a service answers may hold a secret."""
    step = case.launched(case.item())
    step.launch()
    step.ended()
    result = step.call.result
    assert isinstance(result, CallResult)
    assert (result.made, result.says) == (True, "it answered 200")
