"""What systemctl, df and the rest print, as values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from remediations.engine.observe.section import HostDocument
from remediations.systems.comet.settings import parse_config
from remediations.systems.hosts import host_text
from remediations.systems.hosts.reading import session_of
from remediations.systems.hosts.values import FARTHEST_CLOCK_MS, Session
from remediations.values.lines import UNLIMITED, TextError
from remediations.values.wire import WireError, canonical, decode

SHOW = """\
Restart=on-failure
TimeoutStopUSec=1min 30s
NRestarts=3
Result=exit-code
ExecMainStatus=1
MainPID=812
ExecStart={ path=/opt/ve/bin/virtengined ; argv[]=/opt/ve/bin/virtengined start --home /srv/ve \
--log_no_color ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; \
status=0/0 }
LimitNOFILE=infinity
User=virtengine
Id=virtengined.service
LoadState=loaded
ActiveState=activating
SubState=auto-restart
UnitFileState=disabled
ActiveEnterTimestamp=Wed 2026-11-25 16:39:00 UTC
InactiveExitTimestamp=
InvocationID=0123
"""


def test_a_unit_is_read_in_any_order() -> None:
    """systemctl answers in its own order, spans and times in its own form."""
    unit = host_text.parse_unit(SHOW, home="/srv/ve")
    assert (unit.name, unit.sub_state, unit.enabled) == (
        "virtengined.service",
        "auto-restart",
        "disabled",
    )
    assert unit.arguments == ("start", "--home", "/srv/ve", "--log_no_color")
    assert (unit.restarts, unit.exit_status, unit.main_pid) == (3, 1, 812)
    assert unit.stop_timeout_s == 90
    assert unit.open_files == UNLIMITED
    assert unit.active_since == datetime(2026, 11, 25, 16, 39, tzinfo=UTC)


def test_a_masked_unit_has_no_command() -> None:
    """And no time at which it was active; an empty user is root."""
    text = SHOW.replace("LoadState=loaded", "LoadState=masked")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("ExecStart"))
    text = text.replace("Wed 2026-11-25 16:39:00 UTC", "n/a").replace("User=virtengine", "User=")
    unit = host_text.parse_unit(text, home="")
    assert (unit.binary, unit.arguments, unit.active_since, unit.user) == ("", (), None, "root")


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("20s", 20),
        ("1min 30s", 90),
        ("1h 1s", 3601),
        ("500ms", 1),
        ("infinity", UNLIMITED),
    ],
)
def test_time_spans(span: str, seconds: int) -> None:
    """systemd writes spans in words; less than a second counts as one."""
    unit = host_text.parse_unit(SHOW.replace("1min 30s", span), home="/srv/ve")
    assert unit.stop_timeout_s == seconds


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1min 30s", "soon"),
        ("1min 30s", ""),
        ("NRestarts=3", "NRestarts=-3"),
        ("MainPID=812", "MainPID=x"),
        ("Wed 2026-11-25", "yesterday"),
        ("LoadState=loaded\n", ""),
    ],
)
def test_an_odd_unit_is_refused(old: str, new: str) -> None:
    """A property that is missing or of another form is never a default."""
    with pytest.raises(TextError):
        host_text.parse_unit(SHOW.replace(old, new), home="/srv/ve")


CONFIG = """\
priv_validator_laddr = "tcp://127.0.0.1:26659"
db_backend = "goleveldb"
[rpc]
laddr = "tcp://127.0.0.1:26657"
[p2p]
persistent_peers = "a@10.0.0.1:1, b@10.0.0.2:1"
[consensus]
double_sign_check_height = 10
"""


def test_flags_win_over_files() -> None:
    """What stands on the unit's command line is what the daemon does."""
    config = parse_config(
        CONFIG,
        "halt-height = 7\n",
        ("start", "--halt-height=9", "--consensus.double_sign_check_height", "0"),
        "http://127.0.0.1:26657",
    )
    assert (config.halt_height, config.double_sign_check_height) == (9, 0)
    assert config.remote_signer == "tcp://127.0.0.1:26659"
    assert config.persistent_peers == ("a@10.0.0.1:1", "b@10.0.0.2:1")


@pytest.mark.parametrize(
    ("address", "port"),
    [("tcp://0.0.0.0:26666", 26666), ("tcp://[::]:1", 1), ("tcp://0.0.0.0", 0), ("x:123456", 0)],
)
def test_the_port_for_peers(address: str, port: int) -> None:
    """Only advice uses it: an address without one is not an error. A flag wins here as well."""
    text = CONFIG.replace("[p2p]\n", f'[p2p]\nladdr = "{address}"\n')
    assert parse_config(text, "", (), "").p2p_port == port
    assert parse_config(text, "", ("--p2p.laddr", "tcp://h:7"), "").p2p_port == 7
    assert parse_config(CONFIG, "", (), "").p2p_port == 0


@pytest.mark.parametrize(
    ("lines", "on"), [("true", True), ("false", False), ("", False)], ids=["on", "off", "not there"]
)
def test_adaptive_sync(lines: str, on: bool) -> None:
    """Before CometBFT 0.39 there is no such setting: it is off."""
    text = CONFIG + (f"[blocksync]\nadaptive_sync = {lines}\n" if lines else "[blocksync]\n")
    assert parse_config(text, "", (), "http://127.0.0.1:26657").adaptive_sync is on


@pytest.mark.parametrize("value", ['"true"', "1", "?"])
def test_an_odd_adaptive_sync_is_refused(value: str) -> None:
    """The daemon takes texts and numbers for a switch, too: what they mean is not guessed."""
    with pytest.raises(TextError, match="adaptive_sync is not true or false"):
        parse_config(f"{CONFIG}[blocksync]\nadaptive_sync = {value}\n", "", (), "")


@pytest.mark.parametrize(
    "app", ['halt-height = "x"', "halt-height = true", "halt-height = -1", "["]
)
def test_an_odd_setting_is_refused(app: str) -> None:
    """Of another type, or no TOML at all."""
    with pytest.raises(TextError):
        parse_config(CONFIG, app, (), "http://127.0.0.1:26657")


DF = """\
      Avail  1B-blocks   IFree  Inodes Mounted on
 1000000000 2000000000  500000  600000 /srv/my disk
tmpfs /run tmpfs rw 0 0
/dev/sda1 /srv/my\\040disk ext4 rw,noatime 0 0
/dev/sda1 /srv/my\\040disk ext4 ro,noatime 0 0
"""


def test_the_last_mount_of_a_place_counts() -> None:
    """Remounted read-only after an error; blanks in /proc/self/mounts are octal."""
    disk = host_text.parse_disk(DF)
    assert (disk.available, disk.inodes_available, disk.writable) == (1_000_000_000, 500_000, False)
    assert disk.path == "/srv/my disk"


def test_a_file_system_without_inode_counts_is_not_full() -> None:
    """btrfs has a total of none: none free does not mean that they are used up."""
    text = DF.replace(" 500000", " 0").replace(" 600000", " 0")
    assert host_text.parse_disk(text).inodes_available > 2**40
    used_up = DF.replace(" 500000", " 0")
    assert host_text.parse_disk(used_up).inodes_available == 0


@pytest.mark.parametrize(
    "text", ["", "Avail\n", DF.replace("/srv/my\\040disk", "/srv"), "a\nb c\n"]
)
def test_an_odd_disk_is_refused(text: str) -> None:
    """No second line, or a mount point that is not mounted."""
    with pytest.raises(TextError):
        host_text.parse_disk(text)


def test_a_key_file_without_address_is_not_an_absent_key() -> None:
    """Absent is a fact, unreadable is not."""
    assert host_text.parse_key("address=absent\nnode_key=yes\n").address == ""
    for text in ("node_key=yes\n", "address=\nnode_key=yes\n", f"address={'A' * 40}\n"):
        with pytest.raises(TextError):
            host_text.parse_key(text)


def test_hashes_and_version() -> None:
    """An empty version, as plain builds have, stays empty; what is not a hash is refused."""
    digest = "a" * 64
    binary = host_text.parse_binary(f"path=/x/virtengined\ndisk={digest}\nrunning={digest}\n")
    assert (binary.path, binary.running_sha256) == ("/x/virtengined", digest)
    assert host_text.parse_binary(f"path=/x\ndisk={digest}\n").running_sha256 == ""
    assert (host_text.parse_version("version=v1\n"), host_text.parse_version("")) == ("v1", "")
    with pytest.raises(TextError):
        host_text.parse_binary("path=/x\ndisk=sha256sum: /x: Permission denied\n")


def test_journal_lines_come_oldest_first() -> None:
    """Continuation lines without a time belong to no line of their own."""
    lines = host_text.parse_journal(
        "1795622402.000002 val1 virtengined[7]: second: with a colon\n    goroutine 1\n"
        "1795622401.000001 val1 virtengined[7]: first\n"
    )
    assert [line.message for line in lines] == ["first", "second: with a colon"]
    assert lines[0].at == datetime(2026, 11, 25, 16, 0, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("offset", [10**18, -(10**18), 4_000])
def test_a_clock_is_told_as_far_off_as_dates_go(offset: int) -> None:
    """A saved observation with more is refused: times counted from it would be no dates."""
    at = datetime(2026, 11, 25, 12, tzinfo=UTC)
    text = "user=ops\neuid=0\nboot_id=1\nmachine_id=2\n"
    document = HostDocument(sections={}, clock_offset_ms=offset, round_trip_ms=3)
    session = session_of(document, text)
    assert session.clock_offset_ms == max(-FARTHEST_CLOCK_MS, min(offset, FARTHEST_CLOCK_MS))
    assert at + timedelta(milliseconds=session.clock_offset_ms)
    assert decode(canonical(session), Session) == session
    beyond = canonical(replace(session, clock_offset_ms=2 * FARTHEST_CLOCK_MS))
    with pytest.raises(WireError):
        decode(beyond, Session)
