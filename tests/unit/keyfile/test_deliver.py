"""The tool that brings a private key to hosts, run for real: with a stand-in for ssh."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.keyfile.fake_reader import NEW, FakeReader
from tests.unit.test_house import ROOT

TOOL = ROOT / "tools/deliver_key.py"


class Desk:
    """Whoever has the key, and one host behind a stand-in for ssh."""

    def __init__(self, root: Path) -> None:
        (root / "host").mkdir()
        self.host = FakeReader(root / "host")
        self.key, self.keys = root / "new.key", root / "host/var"
        self.host.put(self.key, NEW.secret.reveal(), 0o600)
        self.host.script("sudo", 'shift; exec "$@"')
        self.host.script("id", "echo 0")
        self.host.script(
            "ssh",
            f"""
echo "$*" >>{root}/ssh-words
for last; do :; done
case "$*" in *silent*) exit 255 ;; esac
exec sh -c "$(printf '%s' "$last" |
  sed -e 's,/var/lib/remediate/keys,{self.keys},' -e 's,PATH=/usr/sbin.*,,')"
""",
        )
        self.words = root / "ssh-words"

    def deliver(self, *hosts: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-I", str(TOOL), str(self.key), *hosts],
            env={"PATH": f"{self.host.bin}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.host.says_no_key(done.stdout + done.stderr)
        return done


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("form", ["raw", "hex", "base64", "pem"])
def test_it_is_kept_by_its_fingerprint(desk: Desk, form: str) -> None:
    """As 32 bytes for root alone, whatever form the file has; no argument of ssh has any of it."""
    if form != "raw":
        words = f"keyfile_formed {form} <{desk.key}"
        text = (ROOT / "remediations/systems/hosts/key_file.sh").read_text() + words
        made = subprocess.run(["sh", "-c", text], capture_output=True, check=True).stdout
        desk.host.put(desk.key, made, 0o600)
    done = desk.deliver("ops@reader1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ops@reader1: kept {NEW.fingerprint}" in done.stdout
    (kept,) = desk.keys.iterdir()
    assert (kept.name, kept.read_bytes()) == (NEW.fingerprint, NEW.secret.reveal())
    assert kept.stat().st_mode & 0o777 == 0o400
    assert desk.keys.stat().st_mode & 0o777 == 0o700
    desk.host.says_no_key(desk.words.read_text())
    assert "StrictHostKeyChecking=yes" in desk.words.read_text()


def test_one_host_that_is_silent_costs_no_other_anything(desk: Desk) -> None:
    """And it is said which one; where none has it, that is another exit code."""
    done = desk.deliver("silent", "reader1")
    assert done.returncode == 7
    assert "silent: not kept" in done.stdout
    assert "Next: mend that (`ssh silent sudo -n true` has to work)" in done.stdout
    assert "reader1: kept" in done.stdout
    assert "`remediate diagnose keys`" in done.stdout
    assert desk.deliver("silent").returncode == 4


def test_a_host_that_says_another_key_is_not_believed(desk: Desk) -> None:
    """What counts is what the host computed from what it has stored."""
    desk.host.script("openssl", 'exec /usr/bin/openssl "$@"')
    desk.host.script("sha256sum", "echo 00000000000000000000000000000000000000000000 -")
    done = desk.deliver("reader1")
    assert done.returncode == 4
    assert "not kept: kept 0000" in done.stdout


@pytest.mark.parametrize(
    ("mode", "content", "said"),
    [
        (0o640, b"x" * 32, "others may read it"),
        (0o600, b"x" * 31, "it is no private key"),
        (0o600, b"-----BEGIN PRIVATE KEY-----\nAA\n", "it is no private key"),
    ],
    ids=["others", "short", "torn"],
)
def test_what_is_no_key_of_yours_is_refused(
    desk: Desk, mode: int, content: bytes, said: str
) -> None:
    """Before anybody is contacted."""
    desk.host.put(desk.key, content, mode)
    done = desk.deliver("reader1")
    assert (done.returncode, said in done.stderr) == (2, True)
    assert "Nothing was sent. Next: " in done.stderr
    assert not desk.words.exists()


def test_links_and_strange_hosts_are_refused(desk: Desk) -> None:
    """An option is no host; and what is not there says what to do."""
    assert desk.deliver("-oProxyCommand=x").returncode == 2
    desk.key.rename(desk.key.with_name("other"))
    desk.key.symlink_to("other")
    assert desk.deliver("reader1").returncode == 2
    desk.key.unlink()
    missing = desk.deliver("reader1")
    assert (missing.returncode, "Next: ls -l" in missing.stderr) == (2, True), missing.stderr
    assert not desk.words.exists()
