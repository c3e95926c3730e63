"""The program that stops and holds a second holder of a key, run for real under /bin/sh."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.programs import start_text
from remediations.systems.comet.rollback_programs import hold_text, release_text
from remediations.systems.comet.second_signer import EVIDENCE, hold_duplicate_text
from remediations.systems.hosts.hold import hold_path
from tests.unit.operations.host import ADDRESS, FakeHost

JOURNALCTL = "#!/bin/sh\nprintf 'ERR found conflicting vote from ourselves\\n'\n"


class Second(FakeHost):
    """A host that runs with a key which must not sign there."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "etc").mkdir()
        self.script("journalctl", JOURNALCTL)
        self.show(ActiveState="active", Id="ve.service", Result="success")
        self.show(ActiveEnterTimestamp="a", InactiveEnterTimestamp="b")

    @property
    def drop_in(self) -> Path:
        return self.root / "etc/ve.service.d/remediate-hold.conf"

    @property
    def evidence(self) -> Path:
        """The one directory that was kept."""
        (found,) = (self.root / "evidence").iterdir()
        return found

    def planned(self, **changes: str | int) -> PlannedNode:
        return self.node(**{"invocation": self.INVOCATION, **changes})

    def does(self, text: str) -> tuple[int, str, str]:
        text = text.replace("/etc/systemd/system", f"{self.root}/etc")
        done = self.run(text.replace(EVIDENCE, f"{self.root}/evidence"))
        return done.returncode, done.stdout, done.stderr

    def refused(self, **changes: str | int) -> str:
        """What it says when it refuses; nothing was touched then."""
        code, _, err = self.does(hold_duplicate_text(self.planned(**changes)))
        assert code == 64, err
        assert self.acts == []
        assert not self.drop_in.exists()
        assert not (self.root / "evidence").exists()
        return err


@pytest.fixture
def host(tmp_path: Path) -> Second:
    return Second(tmp_path)


def test_it_is_stopped_and_held(host: Second) -> None:
    """The hold says which key and since when, so that a diagnosis can tell what came before."""
    code, out, err = host.does(hold_duplicate_text(host.planned()))
    assert code == 0, err
    assert host.acts == ["stop ve.service"]
    note = host.drop_in.read_text().splitlines()[-1]
    assert note.startswith(f"# note: second-signer:{ADDRESS}:")
    assert note.rpartition(":")[2].isdigit()
    assert "systemctl start" not in host.drop_in.read_text()
    assert f"AssertPathExists=!{host.drop_in}\n" in host.drop_in.read_text()
    assert out.splitlines()[-1].startswith("held: ve.service is stopped, and nothing starts it")
    code, out, _ = host.does(hold_duplicate_text(host.planned()))
    assert (code, out) == (0, "already so: ve.service is stopped and held\n")


def test_the_evidence_is_kept_by_root_alone(host: Second) -> None:
    """What it signed before and after, the unit and the journal, with hashes in the output; nothing
    of the key."""
    (host.unit / "on-stop").write_text(
        f"echo inactive >ActiveState\nprintf '%s' "
        f'\'{{"height":"41","round":"0","step":"2"}}\' >{host.sign_file}\n'
    )
    code, out, err = host.does(hold_duplicate_text(host.planned()))
    assert code == 0, err
    kept = host.evidence
    before, after = (
        json.loads((kept / f"sign-state-{w}").read_text()) for w in ("before", "after")
    )
    assert (before["height"], after["height"]) == ("40", "41")
    assert "conflicting vote" in (kept / "journal").read_text()
    assert f"key {ADDRESS}" in (kept / "unit").read_text()
    assert kept.stat().st_mode & 0o777 == 0o700
    listed = {}
    for path in kept.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert "priv_key" not in path.read_text()
        listed[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    hashes = {line.split()[2]: line.split()[1] for line in out.splitlines() if "  " in line}
    listed.pop("SHA256SUMS")
    assert hashes == listed
    assert f"evidence in {kept}" in out


def test_another_process_is_not_stopped(host: Second) -> None:
    """Restarted since: who goes on was decided for the process that was read."""
    assert "started since" in host.refused(invocation="c" * 32)


def test_one_that_was_started_meanwhile_is_not_stopped(host: Second) -> None:
    """It was planned as a copy that is stopped: now there are two signers, and another plan."""
    assert "expected it stopped" in host.refused(invocation="")


@pytest.mark.parametrize(
    ("change", "got"),
    [({"address": "F" * 40}, f"key {ADDRESS}"), ({"user": "root2"}, "run by ve")],
)
def test_another_key_or_unit_is_not_stopped(
    host: Second, change: dict[str, str | int], got: str
) -> None:
    """That host has nothing to do with the key that was judged."""
    assert got in host.refused(**change)


def test_a_sign_state_keeps_nobody_from_stopping_it(host: Second) -> None:
    """Lower than planned, or gone: it must stop all the more, and what is there is kept."""
    host.sign_file.unlink()
    code, _, err = host.does(hold_duplicate_text(host.planned(sign_height=90)))
    assert code == 0, err
    assert (host.evidence / "sign-state-before").read_text().startswith("not read: ")
    assert host.acts == ["stop ve.service"]


def test_a_key_that_was_moved_away_is_in_the_memory_of_the_process(host: Second) -> None:
    """So it is stopped all the same."""
    (host.home / "config/priv_validator_key.json").unlink()
    assert host.does(hold_duplicate_text(host.planned()))[0] == 0
    assert host.acts == ["stop ve.service"]


def test_a_copy_that_never_ran_is_held(host: Second) -> None:
    """Its home has no data yet."""
    host.show(ActiveState="inactive")
    (host.home / "data").rename(host.home / "elsewhere")
    code, out, err = host.does(hold_duplicate_text(host.planned(invocation="")))
    assert code == 0, err
    assert host.drop_in.exists()
    assert "held: ve.service" in out


def test_a_journal_that_cannot_be_read_does_not_undo_it(host: Second) -> None:
    """The node is held; what is there of the journal is kept, with a word on what is not."""
    host.script("journalctl", "#!/bin/sh\necho broken; exit 1\n")
    code, _, err = host.does(hold_duplicate_text(host.planned()))
    assert code == 0, err
    assert (host.evidence / "journal").read_text() == "broken\nnot read to the end\n"


def test_without_a_place_for_the_evidence_nothing_is_done(host: Second) -> None:
    """Evidence is kept before it is changed, or nothing is."""
    (host.root / "evidence").write_text("a file")
    code, _, err = host.does(hold_duplicate_text(host.planned()))
    assert code == 64
    assert "one for the evidence" in err
    assert host.acts == []
    assert not host.drop_in.exists()


def test_what_a_rollback_holds_is_held_for_this_too(host: Second) -> None:
    """The note is added: the hold has another reason now."""
    host.does(hold_text(host.planned()))
    assert host.does(hold_duplicate_text(host.planned(invocation="")))[0] == 0
    assert "# note: second-signer:" in host.drop_in.read_text()


def test_nobody_starts_it_until_it_is_let_go(host: Second) -> None:
    """A start refuses, a release lets it go."""
    host.does(hold_duplicate_text(host.planned()))
    code, _, err = host.does(start_text(host.planned()))
    assert code == 64
    assert hold_path("ve.service").rpartition("/")[2] in err
    code, out, err = host.does(release_text(host.planned()))
    assert code == 0, err
    assert out == "started: ve.service is active\n"
    assert not host.drop_in.exists()
