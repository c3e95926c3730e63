"""The launcher itself, as text given to `sh`: at most once, and honest about what it knows."""

from __future__ import annotations

import stat
import subprocess
import time
from pathlib import Path

import pytest

from remediations.systems.hosts.driver import LAUNCHER
from tests.unit.run.launcher_host import PLAN, STEP, LauncherHost, answer, until


@pytest.fixture
def host(tmp_path: Path) -> LauncherHost:
    return LauncherHost(tmp_path)


def test_a_launched_step_runs_and_leaves_its_result(host: LauncherHost) -> None:
    """Exit code and both outputs are kept, with the payload and the boot in which it ran."""
    payload = host.effect("echo out; echo err >&2; exit 3")
    assert host.launch(payload).exit_status == 0
    host.until_gone()
    seen = host.probe()
    assert (seen.state, seen.output, seen.errors) == ("done 3", b"out\n", b"err\n")
    assert host.count == 1
    assert (host.claim / "payload").read_bytes() == payload
    assert len((host.claim / "boot").read_text()) == 37
    assert sorted(p.name for p in (host.base / PLAN).iterdir()) == [STEP]


def test_a_second_launch_is_refused_for_ever(host: LauncherHost) -> None:
    """75, also after the unit is gone and systemd would start the name again."""
    payload = host.effect()
    host.launch(payload)
    host.until_gone()
    assert [host.launch(payload).exit_status for _ in range(3)] == [75, 75, 75]
    assert host.count == 1


def test_twenty_launches_at_once_have_one_effect(host: LauncherHost) -> None:
    """Whatever the order: exactly one runs, and none of the others leaves anything."""
    payload = host.effect("sleep 0.2")
    words = host.launch_words(payload)
    processes = [host.start(*words, payload=payload) for _ in range(20)]
    codes = {answer(process).exit_status for process in processes}
    host.until_gone()
    assert codes <= {0, 75}
    assert 0 in codes
    assert host.count == 1
    assert host.probe().state == "done 0"
    assert sorted(p.name for p in (host.base / PLAN).iterdir()) == [STEP]


def test_two_units_at_once_have_one_effect(host: LauncherHost) -> None:
    """The claim alone decides, should systemd ever start both: the loser's bytes never run."""
    first, second = host.effect("echo first"), host.effect("echo second")
    other = LauncherHost(host.base.parent.parent.parent / "second-systemd")
    other.base.parent.rmdir()
    text = LAUNCHER.replace("/var/lib/remediate", str(host.base))
    processes = [
        host.start(*host.launch_words(first), payload=first),
        other.start(*other.launch_words(second), payload=second, text=text),
    ]
    for process in processes:
        answer(process)
    host.until_gone()
    other.until_gone()
    assert host.count == 1
    ran = (host.claim / "payload").read_bytes()
    assert host.probe().output == (b"first\n" if ran == first else b"second\n")


def test_a_voided_step_never_starts(host: LauncherHost) -> None:
    """Void makes "not started" final."""
    assert host.void().state == "voided"
    assert host.launch(host.effect()).exit_status == 75
    assert (host.probe().state, host.count) == ("voided", 0)


def test_a_mark_that_came_too_late_voids_nothing(host: LauncherHost) -> None:
    """The unit had claimed before: it runs, and then it is done."""
    host.launch(host.effect("sleep 0.5"))
    until(lambda: host.count == 1)
    (host.voids / f"{PLAN}.{STEP}").mkdir(parents=True)
    assert (host.probe().state, host.void().state) == ("running", "running")
    host.until_gone()
    assert (host.probe().state, host.void().state) == ("done 0", "done 0")


def test_void_and_launch_never_both_win(host: LauncherHost, tmp_path: Path) -> None:
    """In a race either the effect is there and void says so, or it never comes."""
    outcomes = set()
    for turn in range(12):
        racing = LauncherHost(tmp_path / f"race{turn}")
        racing.starts_late(0.02 * (turn % 4))
        payload = racing.effect()
        launch = racing.start(*racing.launch_words(payload), payload=payload)
        if turn % 2:
            until(lambda at=racing.unit: at.exists())
        void = answer(racing.start("void", PLAN, STEP, "-"))
        answer(launch)
        racing.until_gone()
        final = racing.probe().state
        assert (final == "voided") == (racing.count == 0)
        assert final in ("voided", "done 0")
        assert void.state == "voided" or final == "done 0"
        outcomes.add(final)
    assert "voided" in outcomes


def test_right_after_launch_the_step_is_running(host: LauncherHost) -> None:
    """A unit that is only a job yet, without a claim, must not look as if it never started."""
    host.starts_late(0.5)
    payload = host.effect()
    assert host.launch(payload).exit_status == 0
    assert not host.claim.exists()
    assert host.probe().state == "running"
    assert host.launch(payload).exit_status == 75
    host.until_gone()
    assert (host.probe().state, host.count) == ("done 0", 1)


def test_before_any_launch_nothing_is_started(host: LauncherHost) -> None:
    """A probe changes nothing on the host."""
    assert host.probe().state == "not-started"
    assert not host.base.exists()


def test_a_killed_runner_leaves_an_unknown_step(host: LauncherHost) -> None:
    """Claimed, no result, nothing runs: neither done nor to be run again."""
    payload = host.effect("sleep 30")
    host.launch(payload)
    until(lambda: host.count == 1)
    assert host.probe().state == "running"
    host.power_cut()
    assert [host.probe().state, host.void().state] == ["unknown", "unknown"]
    assert host.launch(payload).exit_status == 75
    assert host.count == 1


def test_a_step_beyond_its_time_is_unknown(host: LauncherHost) -> None:
    """RuntimeMaxSec ends it with everything it started; half done is not done."""
    host.launch(host.effect("sleep 30"), limit=1)
    host.until_gone()
    assert (host.probe().state, host.count) == ("unknown", 1)


def test_the_unit_is_bounded_and_named(host: LauncherHost) -> None:
    """The limits that systemd is told."""
    host.launch(host.effect(), limit=42)
    host.until_gone()
    (call,) = host.calls
    for word in (
        "--no-block --collect",
        f"--unit=remediate-{PLAN[:12]}-{STEP} ",
        "-p RuntimeMaxSec=42 -p TimeoutStopSec=10 -p KillMode=control-group",
    ):
        assert word in call
    assert "$" not in call


def test_without_an_answer_of_systemd_nothing_is_claimed(host: LauncherHost) -> None:
    """Where the unit cannot be seen, neither "unknown" nor "not started" is claimed."""
    host.systemd_is_broken()
    seen = host.probe()
    assert (seen.exit_status, seen.state) == (69, "")
    refused = host.launch(host.effect())
    assert refused.exit_status == 69
    assert "systemd does not answer" in refused.stderr
    host.systemd_is_broken(False)
    assert (host.probe().state, host.count) == ("not-started", 0)
    assert list((host.base / PLAN).iterdir()) == []
    assert host.launch(host.effect()).exit_status == 0
    host.until_gone()
    assert host.count == 1


def test_other_bytes_than_approved_never_run(host: LauncherHost) -> None:
    """66, and nothing is left behind."""
    words = host.launch_words(b"approved")
    assert answer(host.start(*words, payload=host.effect())).exit_status == 66
    assert (host.probe().state, list((host.base / PLAN).iterdir())) == ("not-started", [])
    assert host.count == 0


def test_bytes_changed_after_the_launch_never_run(host: LauncherHost) -> None:
    """The unit itself looks at the hash again, under its claim."""
    host.starts_late(0.4)
    host.launch(host.effect())
    (mine,) = (host.base / PLAN).glob(f"{STEP}.*")
    (mine / "payload").write_bytes(host.effect("echo evil"))
    host.until_gone()
    assert (host.probe().state, host.count) == ("unknown", 0)


@pytest.mark.parametrize(
    ("plan", "step"),
    [
        ("../../etc", STEP),
        ("A" * 64, STEP),
        ("a" * 63, STEP),
        ("a" * 63 + "\n", STEP),
        ("", STEP),
        (PLAN, "../1"),
        (PLAN, ""),
        (PLAN, "1 0"),
        (PLAN, "1.0"),
        (PLAN, "1" * 41),
        (PLAN, "é"),
    ],
)
@pytest.mark.parametrize("words", [("probe",), ("void", "-")])
def test_bad_ids_are_refused(
    host: LauncherHost, words: tuple[str, ...], plan: str, step: str
) -> None:
    """65, before anything is touched."""
    verb, *more = words
    assert answer(host.start(verb, plan, step, *more)).exit_status == 65
    assert not host.base.exists()


@pytest.mark.parametrize("limit", ["", "0", "010", "1d", "-1", "9999999"])
def test_bad_limits_are_refused(host: LauncherHost, limit: str) -> None:
    """A limit that systemd would take for "none", or not at all."""
    assert answer(host.start("launch", PLAN, STEP, limit, "0" * 64, "-")).exit_status == 65
    assert not host.base.exists()


@pytest.mark.parametrize(
    "words",
    [
        *[(), ("probe",), ("probe", PLAN, STEP, "1", "x")],
        *[("launch", PLAN, STEP), ("run", PLAN, STEP)],
    ],
)
def test_other_calls_are_refused(host: LauncherHost, words: tuple[str, ...]) -> None:
    """64: a blank more or less never becomes another call."""
    assert answer(host.start(*words)).exit_status == 64


@pytest.mark.parametrize("seconds", ["", "0", "10", "x", "-1", "1.5"])
def test_bad_waits_are_refused(host: LauncherHost, seconds: str) -> None:
    """65: a connection is not held for longer than its own limit. Nothing is started."""
    assert answer(host.start("probe", PLAN, STEP, seconds)).exit_status == 65
    launch = host.launch_words(host.effect())
    assert answer(host.start(*launch, seconds, payload=host.effect())).exit_status == 65
    assert (host.count, host.claim.exists()) == (0, False)


def test_the_end_of_a_step_is_waited_for(host: LauncherHost) -> None:
    """It is told when it comes; of what does not run nothing is waited for."""
    assert answer(host.start("probe", PLAN, STEP, "9")).state == "not-started"
    host.launch(host.effect("sleep 1; echo done"))
    began = time.monotonic()
    assert answer(host.start("probe", PLAN, STEP, "9")).state == "done 0"
    assert time.monotonic() - began < 8


def test_a_launch_waits_for_the_end_of_its_step(host: LauncherHost) -> None:
    """And says the same as a probe after it."""
    payload = host.effect("sleep 0.3; echo warm")
    launched = answer(host.start(*host.launch_words(payload), "3", payload=payload))
    assert (launched.exit_status, launched.state, launched.output) == (0, "done 0", b"warm\n")
    assert launched == host.probe()


def test_a_wait_ends_before_a_long_step(host: LauncherHost) -> None:
    """Then it runs, and is asked for again."""
    host.launch(host.effect("sleep 30"))
    assert answer(host.start("probe", PLAN, STEP, "1")).state == "running"


def test_output_is_bounded_and_keeps_its_end(host: LauncherHost) -> None:
    """64 KiB of the end, where errors stand, and how much is missing."""
    host.launch(host.effect("head -c 100000 /dev/zero; printf 'the last words'"))
    host.until_gone()
    output = host.probe().output
    note = b"[the first 34478 bytes are left out]\n"
    assert output.startswith(note)
    assert output.endswith(b"\0the last words")
    assert len(output) == 65536 + len(note)


def test_output_may_be_any_bytes(host: LauncherHost) -> None:
    """Also bytes that look like the launcher's own answer."""
    host.launch(host.effect(r"printf 'done 7\n\377\000\r\033[2J'; printf '\n\n' >&2; exit 1"))
    host.until_gone()
    seen = host.probe()
    assert (seen.state, seen.output, seen.errors) == (
        "done 1",
        b"done 7\n\xff\x00\r\x1b[2J",
        b"\n\n",
    )


def test_records_are_root_only_and_the_step_has_the_usual_umask(host: LauncherHost) -> None:
    """What a step says may be secret; what it writes must be readable by its service."""
    made = host.base.parent / "made-by-the-step"
    host.launch(host.effect(f"touch {made}"))
    host.until_gone()
    for path in (host.base, host.claim, *host.claim.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE(made.stat().st_mode) == 0o644


def test_the_payload_reads_nothing_and_may_be_any_text(host: LauncherHost) -> None:
    """Quotes, dollars and blanks are bytes of a file, which systemd never expands."""
    host.launch(host.effect("""a='$$ ${X} "'; read b || printf '%s|%s' "$a" "$b" """))
    host.until_gone()
    assert host.probe().output == b'$$ ${X} "|'


def test_a_full_disk_starts_nothing(host: LauncherHost, tmp_path: Path) -> None:
    """Nothing is claimed where nothing can be written, and a later try works."""
    host.base.parent.rmdir()
    host.base.parent.write_text("in the way")
    failed = host.launch(host.effect())
    assert failed.exit_status not in (0, 75)
    assert host.probe().state == "not-started"
    host.base.parent.unlink()
    host.base.parent.mkdir()
    assert host.launch(host.effect()).exit_status == 0
    host.until_gone()
    assert host.count == 1


def test_every_step_is_durable_before_the_next(host: LauncherHost, tmp_path: Path) -> None:
    """The claim before the effect, the outputs before the result, the result's name last."""
    log = tmp_path / "order"
    sync = tmp_path / "bin" / "sync"
    sync.write_text(f'#!/bin/sh\necho "sync $*" >>{log}\nexec /bin/sync "$@"\n')
    sync.chmod(0o755)
    host.launch(f"echo effect >>{log}\n".encode())
    host.until_gone()
    order = log.read_text().replace(str(host.claim), "CLAIM").splitlines()
    assert order == [
        f"sync {host.base / PLAN} {host.base} {host.base.parent}",
        f"sync CLAIM/payload CLAIM/boot CLAIM {host.base / PLAN}",
        "effect",
        "sync CLAIM/stdout CLAIM/stderr",
        "sync CLAIM/rc.new",
        "sync CLAIM",
    ]


def test_the_text_is_plain_posix_sh() -> None:
    """Whatever /bin/sh is on a host."""
    done = subprocess.run(["/bin/dash", "-n", "-c", LAUNCHER], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
