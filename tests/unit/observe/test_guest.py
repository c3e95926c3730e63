"""The program that looks into one file of a home, under a real sh: what it prints and refuses."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from remediations.systems.comet.system import KINDS as OF_COMET
from remediations.systems.hosts.guest import DENIED, GUEST, NO_FILE, NOT_READ

CANARY = "CANARY-7f3a"
ADDRESS = "0A1B2C3D4E5F60718293A4B5C6D7E8F901234567"
KEY = f'{{\n  "address": "{ADDRESS}",\n  "priv_key": {{"value": "{CANARY}"}}\n}}\n'
STATE = """{
  "height": "113",
  "round": 0,
  "step": 3,
  "signature": "CANARY/7f3a",
  "signbytes": "6A08"
}"""
SHOWN = '{"height":"113","round":"0","step":"3","signbytes":"6A08"}\n'
KINDS = ("settings", "address", "sign_state", "node_id")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "config").mkdir(parents=True)
    (tmp_path / "secret").write_text(f"{CANARY}\n{KEY}")
    return home


def look(
    kind: str, file: Path | str, home: Path, *before: str
) -> subprocess.CompletedProcess[bytes]:
    """`before`: how it is run, for example as another user."""
    done = subprocess.run(
        [*before, "sh", "-c", OF_COMET + GUEST, "guest", kind, str(file)],
        env={"PATH": os.environ["PATH"], "home": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=5,
    )
    assert CANARY.encode() not in done.stdout + done.stderr
    assert done.returncode == 0 or not done.stdout
    return done


def refused(kind: str, file: Path | str, home: Path) -> str:
    done = look(kind, file, home)
    assert done.returncode == NOT_READ, done
    assert done.stderr.count(b"\n") == 1
    return done.stderr.decode().strip()


def test_only_plain_settings_that_decide_are_printed(home: Path) -> None:
    """Other settings may be passwords; comments, escapes and odd headers do not leave the host."""
    file = home / "config/config.toml"
    file.write_text(
        'db_backend = "goleveldb" # CANARY-7f3a\n'
        "priv_validator_laddr=''\n[rpc]\r\nladdr = \"tcp://0.0.0.0:1\"\r\n"
        '[tx_index]\npsql-conn = "postgresql://user:CANARY-7f3a@db"\n'
        '["CANARY-7f3a"]\n [p2p] # CANARY-7f3a\npersistent_peers = "a\\"CANARY-7f3a"\n'
        "halt-height = 7\nhalt-time = -1\n"
        "[blocksync]\nadaptive_sync = true # on\nadaptive_sync = True\n"
    )
    assert look("settings", file, home).stdout.decode() == (
        'db_backend = "goleveldb"\n'
        "priv_validator_laddr = ''\n[rpc]\n"
        'laddr = "tcp://0.0.0.0:1"\n[tx_index]\n[?]\n[p2p]\npersistent_peers = ?\n'
        "halt-height = 7\nhalt-time = ?\n"
        "[blocksync]\nadaptive_sync = true\nadaptive_sync = ?\n"
    )


@pytest.mark.parametrize("text", [KEY, KEY.replace("\n", ""), KEY.lower().replace(":", "\n:\n")])
def test_of_a_key_file_only_the_address_is_printed(home: Path, text: str) -> None:
    """However it is laid out."""
    file = home / "config/key.json"
    file.write_text(text.replace(CANARY.lower(), CANARY))
    assert look("address", file, home).stdout.decode() == f"{ADDRESS}\n"


def test_two_addresses_are_not_one(home: Path) -> None:
    """Which one the daemon takes is its parser's affair: unknown."""
    file = home / "config/key.json"
    file.write_text(KEY + KEY)
    assert "more than one address" in refused("address", file, home)


@pytest.mark.parametrize("text", [STATE, STATE.replace("\n", "").replace(" ", "")])
def test_of_a_sign_state_only_its_place_and_the_signed_bytes_are_printed(
    home: Path, text: str
) -> None:
    """The signature stays where it is."""
    file = home / "state.json"
    file.write_text(text)
    assert look("sign_state", file, home).stdout.decode() == SHOWN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0" * 64,
        KEY,
        STATE + STATE,
        STATE.replace('"height": "113"', f'"height": "{CANARY}"'),
        STATE.replace('"round": 0', '"round": 0, "round": 1'),
        STATE.replace('"step": 3', f'"step": 3, "more": "{CANARY}"'),
        STATE.replace("113", "9" * 20),
        STATE.replace("113", "-1"),
        STATE.replace("\n}", "\0}"),
        STATE[:-1],
    ],
)
def test_a_sign_state_of_another_form_is_not_printed(home: Path, text: str) -> None:
    """Members missing, doubled, more than there are, or not numbers: nothing of it."""
    file = home / "state.json"
    file.write_text(text)
    refused("sign_state", file, home)


def make(what: str, file: Path, outside: Path) -> None:
    """Put something in the place of `file` that is not what it should be."""
    match what:
        case "zeros":
            file.symlink_to("/dev/zero")
        case "shadow":
            file.symlink_to("/etc/shadow")
        case "link out":
            file.symlink_to(outside)
        case "link inside":
            inside = file.with_name("inside")
            inside.write_text(KEY)
            file.symlink_to(inside)
        case "hard link":
            inside = file.with_name("inside")
            inside.write_text(KEY)
            file.hardlink_to(inside)
        case "fifo":
            os.mkfifo(file)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(str(file.relative_to(Path.cwd())))
        case "directory":
            file.mkdir()
        case "sparse":
            with file.open("w") as out:
                out.truncate(1 << 40)
        case "huge":
            file.write_text(f"{CANARY}\n" * 100_000)
        case "loop":
            file.symlink_to(file.name)
        case "nothing":
            file.symlink_to("nothing")


ODD = "zeros,shadow,link out,link inside,hard link,fifo,socket,directory,sparse,huge,loop,nothing"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ODD.split(","))
def test_what_is_not_a_plain_file_is_not_opened(
    home: Path, what: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links wherever they lead, devices, FIFOs, sockets, directories, what is too large."""
    monkeypatch.chdir(home)
    file = home / "config/file"
    make(what, file, home.parent / "secret")
    refused(kind, file, home)


@pytest.mark.parametrize("kind", [*KINDS, "sizes", "present"])
@pytest.mark.parametrize("file", ["{out}/secret", "{home}/../secret", "{home}/door/secret"])
def test_nothing_outside_of_the_home_is_looked_at(home: Path, kind: str, file: str) -> None:
    """By its name, by a way back, or through a directory that is a link."""
    (home / "door").symlink_to(home.parent)
    path = file.format(home=home, out=home.parent)
    assert refused(kind, path, home) == "it does not lie in the home"


def test_a_home_may_be_a_link(home: Path) -> None:
    """To another disk: its own files are inside, wherever that is."""
    file = home / "config/key.json"
    file.write_text(KEY)
    link = home.parent / "link"
    link.symlink_to(home)
    assert look("address", link / "config/key.json", link).returncode == 0


@pytest.mark.parametrize("kind", [*KINDS, "sizes"])
@pytest.mark.parametrize("file", ["none", "none/none"])
def test_an_absent_file_is_absent(home: Path, kind: str, file: str) -> None:
    """Which is a fact, where unreadable is not."""
    assert look(kind, home / file, home).returncode == NO_FILE


@pytest.mark.parametrize("kind", [*KINDS, "sizes", "present"])
def test_a_directory_that_leads_to_nothing_does_not_make_its_files_absent(
    home: Path, kind: str
) -> None:
    """A disk that is not mounted hides a key: unknown, never "there is none"."""
    (home / "data").symlink_to("/nothing")
    assert "link to nothing" in refused(kind, home / "data/file", home)


@pytest.mark.parametrize("kind", [*KINDS, "sizes", "present"])
def test_what_may_not_be_looked_at_is_not_absent(kind: str) -> None:
    """Without rights a closed directory hides its files."""
    closed = Path(tempfile.mkdtemp())
    closed.chmod(0)
    nobody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    done = look(kind, closed / "file", closed, *nobody)
    closed.rmdir()
    assert done.returncode == DENIED


def node_key(private: bytes) -> str:
    value = base64.b64encode(private).decode()
    return f'{{"priv_key":{{"type":"tendermint/PrivKeyEd25519","value":"{value}"}}}}'


@pytest.mark.parametrize("form", ["{}", "{}\n", "pretty"])
def test_a_node_key_is_told_by_the_hash_of_its_public_half(home: Path, form: str) -> None:
    """The id that CometBFT makes of it, and nothing of the private half, in no encoding."""
    seed, public = b"CANARY-7f3a-private-half-of-32-b", hashlib.sha256(b"public").digest()
    text = node_key(seed + public)
    file = home / "node_key.json"
    pretty = json.dumps(json.loads(text), indent=2)
    file.write_text(pretty if form == "pretty" else form.format(text))
    done = look("node_id", file, home)
    assert done.stdout.decode() == hashlib.sha256(public).hexdigest()[:40] + "\n"
    assert base64.b64encode(seed)[:40] not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        node_key(b"x" * 63),
        node_key(b"x" * 65),
        node_key(b""),
        node_key(b"x" * 64).replace("Ed25519", "Secp256k1"),
        node_key(b"x" * 64) + "{}",
        node_key(b"x" * 64)[:-1],
    ],
)
def test_what_is_no_node_key_has_no_id(home: Path, text: str) -> None:
    """Of another type or length, cut off, or followed by more."""
    file = home / "node_key.json"
    file.write_text(text)
    assert refused("node_id", file, home) == "it holds no ed25519 node key"


def test_sizes_are_of_regular_files(home: Path) -> None:
    """The parts of a write-ahead log, and nothing that only has its name."""
    (home / "wal").write_bytes(b"x" * 5)
    (home / "wal.000").write_bytes(b"x" * 7)
    (home / "wal.001").symlink_to("/dev/zero")
    sizes = look("sizes", home / "wal", home).stdout.split()
    assert sorted(sizes) == [b"5", b"7"]


def test_presence_is_that_of_the_name(home: Path) -> None:
    """Nothing is opened, nothing is followed."""
    (home / "file").symlink_to("/nothing")
    assert look("present", home / "file", home).stdout == b"yes\n"
    assert look("present", home / "none", home).stdout == b"no\n"
