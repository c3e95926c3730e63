"""The launcher keeps a fence: one holder per number, and nothing starts under an older one."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

import pytest

from tests.unit.run.launcher_host import PLAN, STEP, LauncherHost, until

ID = hashlib.sha256(b"chain/lab").hexdigest()
OTHER = "b" * 64
TOKEN = "0123456789abcdef"
TEXT = "chain/lab: taken by ops on bastion"
HELD = f"{ID}:1:{TOKEN}"


@pytest.fixture
def host(tmp_path: Path) -> LauncherHost:
    return LauncherHost(tmp_path)


def holder(plan: str = PLAN, token: str = TOKEN) -> str:
    return f"{plan}.{token}"


class Asked:
    """What a fence verb said: exit status, the record's two lines, and the refusal."""

    def __init__(self, host: LauncherHost, *words: str) -> None:
        process = host.start(*words)
        out, err = process.communicate(timeout=20)
        self.exit_status = process.returncode
        self.record = out.decode()
        self.refusal = err.decode()


def take(
    host: LauncherHost, number: int, *, plan: str = PLAN, token: str = TOKEN, over: int = 0
) -> Asked:
    return Asked(host, "take", ID, holder(plan, token), str(number), str(over), TEXT)


def read(host: LauncherHost) -> str:
    return Asked(host, "fence", ID).record


def test_a_resource_that_was_never_taken_has_number_0(host: LauncherHost) -> None:
    """Reading it changes nothing on the host."""
    assert read(host) == "0 - given\n\n"
    assert not host.base.exists()


def test_a_fence_is_taken_read_and_given(host: LauncherHost) -> None:
    """Its record is whole, and only root can read it."""
    assert take(host, 1).record == f"1 {holder()} held\n{TEXT}\n"
    assert read(host) == f"1 {holder()} held\n{TEXT}\n"
    assert Asked(host, "give", ID, holder(), "1").record == f"1 {holder()} given\n{TEXT}\n"
    assert take(host, 2, plan=OTHER).exit_status == 0
    assert {file.stat().st_mode & 0o077 for file in (host.base / "fences").iterdir()} == {0}


@pytest.mark.parametrize(
    ("number", "plan", "over", "exit_status"),
    [
        (5, OTHER, 0, 76),  # it has this number already
        (4, OTHER, 0, 76),
        (6, OTHER, 0, 76),  # another plan holds it
        (6, OTHER, 4, 76),  # a holder that it may replace, but not this one
        (6, OTHER, 5, 0),
        (6, PLAN, 0, 76),  # the same plan, from elsewhere
        (6, PLAN, 5, 0),  # the same plan goes on
        (5, PLAN, 5, 76),
    ],
)
def test_a_holder_is_replaced_by_name_only(
    host: LauncherHost, number: int, plan: str, over: int, exit_status: int
) -> None:
    """By a higher number, and by whoever knows the number of the holder."""
    take(host, 5)
    asked = take(host, number, plan=plan, token="f" * 16, over=over)
    assert asked.exit_status == exit_status
    if exit_status:
        assert TEXT in asked.refusal
        assert read(host).startswith(f"5 {holder()} held\n")


def test_twenty_takers_at_once_have_one_holder(host: LauncherHost) -> None:
    """Of one number, and of one record: exactly one is granted it, and the record is its own."""
    tokens = [f"{turn:016x}" for turn in range(20)]
    processes = [host.start("take", ID, holder(OTHER, token), "1", "0", TEXT) for token in tokens]
    codes = [process.communicate(timeout=60) and process.returncode for process in processes]
    assert sorted(codes) == [0, *[76] * 19]
    assert read(host).startswith(f"1 {holder(OTHER, tokens[codes.index(0)])} held\n")


def test_a_record_has_one_writer(host: LauncherHost, tmp_path: Path) -> None:
    """The second taker reads what the first one wrote, not what was there before."""
    writes, go = tmp_path / "writes", tmp_path / "go"
    sync = tmp_path / "bin" / "sync"
    sync.write_text(
        f"""#!/bin/sh
case $1 in *.new) echo $PPID >>{writes}; until [ -e {go} ]; do sleep 0.02; done ;; esac
exec /bin/sync "$@"
"""
    )
    sync.chmod(0o755)

    def at_work(pid: int) -> bool:
        """Whether it waits for the lock, or writes."""
        if str(pid) in writes.read_text().split():
            return True
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return "flock\n" in {Path(f"/proc/{child}/comm").read_text() for child in children}
        except OSError:
            return False  # one has ended while we looked

    first = host.start("take", ID, holder(), "1", "0", TEXT)
    until(writes.exists)
    second = host.start("take", ID, holder(OTHER), "1", "0", TEXT)
    until(lambda: at_work(second.pid))
    go.touch()
    for process in (first, second):
        process.communicate(timeout=20)
    assert (first.returncode, second.returncode) == (0, 76)


@pytest.mark.parametrize(
    ("plan", "token", "number"), [(OTHER, TOKEN, 1), (PLAN, "f" * 16, 1), (PLAN, TOKEN, 2)]
)
def test_only_its_holder_gives_it_back(
    host: LauncherHost, plan: str, token: str, number: int
) -> None:
    """Whoever lost it, or never had it, leaves the record as it is."""
    take(host, 1)
    before = read(host)
    assert Asked(host, "give", ID, holder(plan, token), str(number)).exit_status == 0
    assert read(host) == before


def test_a_stolen_fence_is_held_by_nobody(host: LauncherHost) -> None:
    """By a higher number only; the reason is in the record."""
    take(host, 3)
    assert Asked(host, "steal", ID, "3", "why").exit_status == 76
    assert Asked(host, "steal", ID, "4", "chain/lab: bastion burnt").exit_status == 0
    assert read(host) == "4 - given\nchain/lab: bastion burnt\n"
    assert take(host, 5, plan=OTHER).exit_status == 0


def test_a_launch_under_its_fence_runs(host: LauncherHost) -> None:
    """The fence is compared and changes nothing else; what runs is named beside it."""
    take(host, 1)
    assert host.launch(host.effect(), held=HELD).exit_status == 0
    host.until_gone()
    assert (host.probe().state, host.count) == ("done 0", 1)
    steps = (host.base / "fences" / f"{ID}.steps").read_text()
    assert steps == f"step {STEP} of plan {PLAN}\n"


@pytest.mark.parametrize("how", ["never taken", "given", "stolen", "taken again", "another token"])
def test_a_launch_without_its_fence_is_refused_at_once(host: LauncherHost, how: str) -> None:
    """76, who has it, and no trace of a step: the next holder may start it."""
    if how != "never taken":
        take(host, 1, token="f" * 16 if how == "another token" else TOKEN)
    if how == "given":
        Asked(host, "give", ID, holder(), "1")
    if how == "stolen":
        Asked(host, "steal", ID, "2", "chain/lab: stolen")
    if how == "taken again":
        take(host, 2, over=1)
    refused = host.launch(host.effect(), held=HELD)
    assert refused.exit_status == 76
    assert "number " in refused.stderr
    assert (host.probe().state, host.count) == ("not-started", 0)
    assert host.void(HELD).exit_status == 76
    assert host.probe().state == "not-started"


def test_a_unit_that_comes_late_is_refused(host: LauncherHost) -> None:
    """It was launched under the fence, which was stolen before its claim: no effect, no claim, and
    a record of who has it."""
    take(host, 1)
    host.holds_units()
    assert host.launch(host.effect(), held=HELD).exit_status == 0
    assert Asked(host, "steal", ID, "2", "chain/lab: stolen").exit_status == 0
    host.lets_units_go()
    host.until_gone()
    seen = host.probe()
    assert (seen.state, host.count) == ("fenced", 0)
    assert seen.errors == b"number 2, given, chain/lab: stolen\n"
    assert host.void(HELD).exit_status == 76
    assert [p.name for p in (host.base / PLAN).iterdir()] == [f"{STEP}.fenced"]


def test_the_next_holder_starts_what_was_refused(host: LauncherHost) -> None:
    """A refusal is not a claim."""
    test_a_unit_that_comes_late_is_refused(host)
    take(host, 3, token="f" * 16)
    assert host.launch(host.effect(), held=f"{ID}:3:{'f' * 16}").exit_status == 0
    host.until_gone()
    assert (host.probe().state, host.count) == ("done 0", 1)
    assert [p.name for p in (host.base / PLAN).iterdir()] == [STEP]


def test_a_step_that_runs_keeps_other_plans_away(host: LauncherHost) -> None:
    """The command itself has the lock, not only the shell around it; its plan may go on, and the
    resource can be given back and stolen meanwhile."""
    take(host, 1)
    go = host.base.parent / "go"
    host.launch(host.effect(f"until [ -e {go} ]; do sleep 0.05; done"), held=HELD)
    until(lambda: host.count == 1)
    assert take(host, 2, over=1).exit_status == 0
    Asked(host, "give", ID, holder(), "2")
    refused = take(host, 3, plan=OTHER)
    assert refused.exit_status == 76
    assert refused.refusal == f"step {STEP} of plan {PLAN} still runs\n"
    assert Asked(host, "steal", ID, "3", "chain/lab: stolen").exit_status == 0
    go.touch()
    until(lambda: take(host, 4, plan=OTHER).exit_status == 0)
    host.until_gone()
    assert host.probe().state == "done 0"


def test_the_lock_outlives_the_shell_of_the_step(host: LauncherHost) -> None:
    """Killed above its command, which goes on: the next taker still waits for that."""
    take(host, 1)
    pid = host.base.parent / "pid"
    host.launch(host.effect(f"echo $$ >{pid}; exec sleep 30"), held=HELD)
    until(lambda: pid.exists() and pid.read_text().strip())
    Asked(host, "give", ID, holder(), "1")
    command = int(pid.read_text())
    runner = int(Path(f"/proc/{command}/stat").read_text().split()[3])
    os.kill(runner, signal.SIGKILL)
    assert take(host, 2, plan=OTHER).exit_status == 76
    os.kill(command, signal.SIGKILL)
    until(lambda: take(host, 2, plan=OTHER).exit_status == 0)


def test_a_record_that_cannot_be_read_blocks(host: LauncherHost) -> None:
    """It is not taken for one that nobody holds; a person may replace it."""
    take(host, 1)
    record = host.base / "fences" / ID
    for text in (
        "",
        "1\n",
        f"01 {holder()} held\n{TEXT}\n",
        f"1 {holder()} free\n{TEXT}\n",
        "1 x held\nx\n",
    ):
        record.write_text(text)
        assert Asked(host, "fence", ID).exit_status == 78, text
        assert take(host, 2, over=1).exit_status == 78
        assert host.launch(host.effect(), held=HELD).exit_status == 76
    assert Asked(host, "steal", ID, "7", "chain/lab: broken").exit_status == 0
    assert read(host) == "7 - given\nchain/lab: broken\n"
    assert host.count == 0


@pytest.mark.parametrize(
    "words",
    [
        ("fence", "../x"),
        ("fence", "a" * 63),
        ("take", ID, PLAN, "1", "0", TEXT),
        ("take", ID, f"{PLAN}.{'x' * 16}", "1", "0", TEXT),
        ("take", ID, holder(), "1" * 19, "0", TEXT),
        ("take", ID, holder(), "01", "0", TEXT),
        ("take", ID, holder(), "-1", "0", TEXT),
        ("take", ID, holder(), "1", "", TEXT),
        ("take", ID, holder(), "1", "0", ""),
        ("take", ID, holder(), "1", "0", "a\nb"),
        ("take", ID, holder(), "1", "0", "\x1b[2J"),
        ("take", ID, holder(), "1", "0", "x" * 401),
        ("give", ID, holder(), "x"),
        ("steal", ID, "1", "\t"),
    ],
)
def test_bad_fences_are_refused(host: LauncherHost, words: tuple[str, ...]) -> None:
    """65, before anything is touched."""
    assert Asked(host, *words).exit_status == 65
    assert not host.base.exists()


@pytest.mark.parametrize(
    "held",
    [
        *("", ",", f"{HELD},", f",{HELD}", "x", ID, f"{ID}:1", f"{ID}:1:", f"{ID}:01:{TOKEN}"),
        *(",".join([HELD] * 7), f"../{HELD}", f"{HELD}\n"),
    ],
)
def test_bad_lists_of_fences_are_refused(host: LauncherHost, held: str) -> None:
    """65: a list that is not understood is not an empty one."""
    take(host, 1)
    assert host.launch(host.effect(), held=held).exit_status == 65
    assert host.void(held).exit_status == 65
    assert (host.probe().state, host.count) == ("not-started", 0)


def test_a_record_is_durable_before_it_has_its_name(host: LauncherHost, tmp_path: Path) -> None:
    """The new one first, then its name, then the directory."""
    take(host, 1)
    log = tmp_path / "order"
    for name in ("sync", "mv"):
        stub = tmp_path / "bin" / name
        stub.write_text(f'#!/bin/sh\necho "{name} $*" >>{log}\nexec /bin/{name} "$@"\n')
        stub.chmod(0o755)
    take(host, 2, over=1)
    at = host.base / "fences"
    assert log.read_text().splitlines() == [
        f"sync {at} {host.base} {host.base.parent}",
        f"sync {at / ID}.new",
        f"mv {at / ID}.new {at / ID}",
        f"sync {at}",
    ]
