"""The programs of a rollback, run for real under /bin/sh: hold, roll back, let go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.programs import restart_text, start_text
from remediations.systems.comet.rollback_programs import (
    hold_text,
    release_text,
    rollback_text,
    rolled_back_note,
)
from remediations.systems.hosts.probe import Probe, unit_held
from tests.unit.operations.host import FakeHost

HASH = "AB" * 32
STANDS_AT = 40
PRINTED = f"Rolled back state to height {STANDS_AT - 1} and hash {HASH}"
PREFIX = "080211" + (STANDS_AT + 1).to_bytes(8, "little").hex()
BLOCK = "22480A20" + "EF" * 32 + "1224080112" + "20" + "EF" * 32
NIL = "2A0608B0E4A5C906"

SYSTEMD_RUN = r"""#!/bin/sh
echo "$*" >>"$(dirname "$0")/../unit/ran"
while [ $# -gt 0 ]; do
  case $1 in
    --) shift; break ;;
    -p) shift 2 ;;
    *) shift ;;
  esac
done
exec "$@"
"""


class Held(FakeHost):
    """A host whose unit's directory is one of the test's own, with a daemon that can roll back."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "etc").mkdir()
        self.script("systemd-run", SYSTEMD_RUN)
        self.show(EnvironmentFiles="", WorkingDirectory="", Group="", LimitNOFILE="65535")
        self.daemon(f"printf '{PRINTED}'")
        self.signed(NIL)

    @property
    def drop_in(self) -> Path:
        return self.root / "etc/ve.service.d/remediate-hold.conf"

    def daemon(self, does: str) -> None:
        """The program does this when it is called."""
        self.script("ve", f"#!/bin/sh\necho called >>{self.root}/called\n{does}\n")
        command = f"{self.root}/bin/ve"
        self.show(ExecStart=f"{{ path={command} ; argv[]={command} start --home {self.home} ; }}")

    def signed(self, rest: str, *, step: int = 3, height: int = STANDS_AT + 1) -> None:
        """The last vote: its bytes end so."""
        signed = bytes.fromhex(PREFIX + rest)
        state = {
            "height": str(height),
            "round": 0,
            "step": step,
            "signature": "AAAA",
            "signbytes": (bytes([len(signed)]) + signed).hex().upper(),
        }
        self.sign_file.write_text(json.dumps(state, indent=2))

    def planned(self, **changes: str | int) -> PlannedNode:
        return self.node(
            **{"stands_at": STANDS_AT, "header_hash": HASH, "sign_round": 0, **changes}
        )

    def does(self, text: str) -> tuple[int, str, str]:
        done = self.run(text.replace("/etc/systemd/system", f"{self.root}/etc"))
        return done.returncode, done.stdout, done.stderr

    def holds(self, probe: Probe) -> bool:
        words = " ".join(["set --", probe.name, *probe.arguments])
        from remediations.systems.hosts.driver import PROBES

        _, out, _ = self.does(f"{words}\n{PROBES}")
        return out == "probed yes\n"


@pytest.fixture
def host(tmp_path: Path) -> Held:
    made = Held(tmp_path)
    made.show(ActiveState="active")
    return made


@pytest.fixture
def held(host: Held) -> Held:
    assert host.does(hold_text(host.planned()))[0] == 0
    return host


def test_a_node_is_stopped_and_held(host: Held) -> None:
    """systemd finds an assertion that fails as long as the file is there."""
    node = host.planned()
    assert not host.holds(unit_held(node.unit))
    code, out, _ = host.does(hold_text(node))
    assert (code, out) == (0, "held: ve.service is stopped, and nothing starts it\n")
    assert host.acts == ["stop ve.service"]
    assert f"AssertPathExists=!{host.drop_in}\n" in host.drop_in.read_text()
    assert host.holds(unit_held(node.unit))
    assert host.does(hold_text(node))[1].startswith("already so")


CANCELED = "echo x >>canceled; [ $(wc -l <canceled) -gt {} ] || exit 1; echo inactive >ActiveState"
"""A stop that somebody's start takes the place of, so many times."""


def test_a_stop_that_a_start_cancels_is_asked_for_again(host: Held) -> None:
    """A watchdog wants a start every second: of a held unit it fails, but it cancels our stop."""
    (host.unit / "on-stop").write_text(CANCELED.format(2))
    code, out, err = host.does(hold_text(host.planned()))
    assert (code, out) == (0, "held: ve.service is stopped, and nothing starts it\n"), err
    assert host.acts == ["stop ve.service"] * 3


def test_a_stop_that_never_succeeds_fails(host: Held) -> None:
    """Ten times for a unit that is held; of one that is not, a start may succeed: once."""
    (host.unit / "on-stop").write_text(CANCELED.format(99))
    code, _, err = host.does(hold_text(host.planned()))
    assert code == 1
    assert "systemctl stop ve.service ended with 1" in err
    assert host.acts == ["stop ve.service"] * 10
    host.drop_in.unlink()
    assert host.does(restart_text(host.planned(invocation=host.INVOCATION)))[0] == 1
    assert host.acts == ["stop ve.service"] * 11


@pytest.mark.parametrize(
    ("change", "got"),
    [
        ({"invocation": "c" * 32}, "restarted since"),
        ({"sign_height": STANDS_AT + 2}, "sign state 41/0/3"),
        ({"stands_at": STANDS_AT - 1}, "the chain went on"),
        ({"address": "F" * 40}, "key 0A1B"),
    ],
)
def test_what_changed_since_is_not_stopped(
    host: Held, change: dict[str, str | int], got: str
) -> None:
    """Refused before anything is done."""
    code, _, err = host.does(hold_text(host.planned(**change)))
    assert code == 64
    assert got in err
    assert host.acts == []
    assert not host.drop_in.exists()


@pytest.mark.parametrize("text_of", [start_text, restart_text])
def test_nothing_else_starts_what_is_held(held: Held, text_of: object) -> None:
    """A start or a restart of another plan refuses, and stops nothing."""
    assert callable(text_of)
    code, _, err = held.does(text_of(held.planned()))
    assert code == 64
    assert f"ve.service held by {held.drop_in}" in err
    assert held.acts == ["stop ve.service"]


def test_a_rollback_reports_what_was_planned(held: Held) -> None:
    """As the service user, in a unit of its own; and noted, so that it is seen on the host."""
    node = held.planned()
    code, out, err = held.does(rollback_text(node))
    assert (code, err) == (0, "")
    assert out.startswith(f"rolled back: height {STANDS_AT - 1}, app hash {HASH}; block 40 ")
    ran = (held.unit / "ran").read_text()
    assert "-p User=ve " in ran
    assert "-p LimitNOFILE=65535 " in ran
    assert ran.endswith(f"{held.root}/bin/ve rollback --home {held.home}\n")
    assert held.holds(unit_held(node.unit, rolled_back_note(node)))
    assert held.does(rollback_text(node))[1] == "already so: rolled back to height 39\n"
    assert (held.root / "called").read_text() == "called\n"


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("echo usage", "usage"),
        ("echo no such height >&2; exit 1", "no such height"),
        (f"echo 'Rolled back state to height {STANDS_AT} and hash {HASH}'", "height 40"),
        (f"echo 'Rolled back state to height {STANDS_AT - 2} and hash {HASH}'", "height 38"),
        (f"echo 'Rolled back state to height {STANDS_AT - 1} and hash {HASH}0'", f"{HASH}0"),
        (f"echo '{PRINTED}'; echo 'Rolled back state to height 1 and hash AA'", "height 1 "),
    ],
)
def test_only_the_printed_line_counts(held: Held, does: str, says: str) -> None:
    """Not the exit status: another height, another hash, help, or a failure fail the step."""
    held.daemon(does)
    node = held.planned()
    code, _, err = held.does(rollback_text(node))
    assert code == 1
    assert "expected height 39" in err
    assert says in err
    assert not held.holds(unit_held(node.unit, rolled_back_note(node)))


@pytest.mark.parametrize(
    ("rest", "step", "refused"),
    [
        (NIL, 3, ""),
        ("19" + (1).to_bytes(8, "little").hex() + NIL, 3, ""),
        (BLOCK + NIL, 2, ""),
        (BLOCK + NIL, 3, "a precommit for a block"),
        ("19" + (1).to_bytes(8, "little").hex() + BLOCK + NIL, 3, "a precommit for a block"),
        (BLOCK + NIL + "3216" + "61" * 80, 3, "a precommit for a block"),
        ("FF", 3, "a precommit for a block"),
    ],
    ids=["nil", "nil later", "prevote", "block", "block later", "long", "odd"],
)
def test_a_precommit_above_is_never_taken_back(
    held: Held, rest: str, step: int, refused: str
) -> None:
    """The signed bytes decide, once nobody signs any more."""
    if len(bytes.fromhex(PREFIX + rest)) > 127:
        signed = bytes.fromhex(PREFIX + rest)
        prefix = bytes([len(signed) & 127 | 128, len(signed) >> 7])
        state = {"height": "41", "round": 0, "step": step, "signature": "AAAA"}
        state["signbytes"] = (prefix + signed).hex().upper()
        held.sign_file.write_text(json.dumps(state))
    else:
        held.signed(rest, step=step)
    code, _, err = held.does(rollback_text(held.planned(sign_step=0)))
    assert (code, refused in err) == (64 if refused else 0, True)


def test_a_precommit_without_its_bytes_is_not_taken_back(held: Held) -> None:
    """What it was for cannot be known."""
    held.sign_state(STANDS_AT + 1, 0, 3)
    code, _, err = held.does(rollback_text(held.planned()))
    assert code == 64
    assert "without the bytes that were signed" in err


def test_what_runs_or_is_not_held_is_not_rolled_back(held: Held) -> None:
    """Somebody started it, or took the hold away."""
    held.show(ActiveState="active")
    assert "ve.service active" in held.does(rollback_text(held.planned()))[2]
    held.show(ActiveState="inactive")
    held.drop_in.unlink()
    assert "which is not held" in held.does(rollback_text(held.planned()))[2]
    assert not (held.root / "called").exists()


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("{bin}/ve start --home {home}", "{bin}/ve"),
        ("{bin}/wrap --log x {bin}/ve start --home {home}", "{bin}/ve"),
        ("{bin}/cosmovisor run start --home {home}", "{home}/cosmovisor/current/bin/ve"),
    ],
    ids=["itself", "wrapper", "cosmovisor"],
)
def test_the_program_is_the_one_that_a_wrapper_would_start(
    held: Held, command: str, program: str
) -> None:
    """`rollback` is the daemon's own."""
    names = {"bin": f"{held.root}/bin", "home": str(held.home)}
    current = held.home / "cosmovisor/upgrades/v2/bin"
    current.mkdir(parents=True)
    (current / "ve").write_text((held.root / "bin/ve").read_text())
    (current / "ve").chmod(0o755)
    (held.home / "cosmovisor/current").symlink_to("upgrades/v2")
    line = command.format(**names)
    held.show(ExecStart=f"{{ path={line.split()[0]} ; argv[]={line} ; ignore_errors=no ; }}")
    assert held.does(rollback_text(held.planned()))[0] == 0
    assert f"{program.format(**names)} rollback" in (held.unit / "ran").read_text()


def test_a_database_named_by_a_flag_is_not_guessed(held: Held) -> None:
    """`rollback` does not take it, and would open another one."""
    line = f"{held.root}/bin/ve start --home {held.home} --db_backend pebbledb"
    held.show(ExecStart=f"{{ path={held.root}/bin/ve ; argv[]={line} ; ignore_errors=no ; }}")
    code, _, err = held.does(rollback_text(held.planned()))
    assert code == 64
    assert "a flag for the databases" in err


def test_a_node_is_let_go_once_it_is_rolled_back(held: Held) -> None:
    """Not before: its own host says so, whatever a controller believes."""
    node = held.planned()
    code, _, err = held.does(release_text(node))
    assert code == 64
    assert "not rolled back to 39" in err
    assert held.does(rollback_text(node))[0] == 0
    code, out, _ = held.does(release_text(node))
    assert (code, out) == (0, "started: ve.service is active\n")
    assert not held.drop_in.parent.exists()
    assert held.does(release_text(node))[1] == "already so: ve.service is active\n"


def test_what_another_run_left_held_is_let_go_as_it_is(held: Held) -> None:
    """Without a height nothing had to be rolled back."""
    code, _, _ = held.does(release_text(held.planned(stands_at=0, header_hash="")))
    assert code == 0
    assert held.acts == ["stop ve.service", "start ve.service"]


def test_a_hold_that_is_not_there_is_not_let_go(host: Held) -> None:
    """A unit that somebody stopped is not started by a release."""
    host.show(ActiveState="inactive")
    code, _, err = host.does(release_text(host.planned(stands_at=0, header_hash="")))
    assert code == 64
    assert "which is not held" in err


def test_nothing_to_roll_back_is_no_program() -> None:
    """Block 1 has no block before it."""
    node = PlannedNode(
        unit="ve.service", home="/srv/ve", user="ve", address="", sign_height=0, sign_round=0,
        sign_step=0, stands_at=1, header_hash=HASH,
    )  # fmt: skip
    with pytest.raises(ValueError, match="nothing to roll back"):
        rollback_text(node)
