"""No value that a host says can add a record, or change another one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import value_or_none
from tests.inventories import node_entry
from tests.property.mutations import examples
from tests.property.test_readers_answers import SECTIONS, printed
from tests.readings import read_document, read_host

SENT = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
ENTRY = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")

SEPARATORS = (
    "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\u2028", "\u2029", "\x00", "\t",
    "\u00a0", "\u1680", "\u2003", "\u3000", "\ufeff", "\x1b[0m", " ",
)  # fmt: skip
FORGED = (
    "rpc=file:///etc/passwd", "home=/srv/other", "unit=other.service", "key_file=/etc/shadow",
    "euid=0", "user=root", "boot_id=forged", "Id=other.service", "User=root", "MainPID=1",
    "ActiveState=active", "InvocationID=" + "f" * 32, "77 S 1 /usr/bin/forged", "[rpc]",
    "priv_validator_laddr = 'x'", "halt-height = 7", "address=" + "B" * 40, "node_key=no", "9",
    "./forged", "writable=no", "0 777 /", "disk=" + "b" * 64, "running=" + "b" * 64,
    "1764000000.000000 h v[1]: CONSENSUS FAILURE!!!", "x / ext4 ro 0 0", "--halt-height 9",
)  # fmt: skip
values = st.lists(
    st.one_of(st.sampled_from(SEPARATORS), st.sampled_from(FORGED), st.text(max_size=3)),
    max_size=6,
).map(lambda parts: "".join(parts).replace("\n", ""))

PLACES: Mapping[str, tuple[str, set[str]]] = {
    "found.key_file": (r"(?<=key_file=)/k", {"key"}),
    "login.machine_id": (r"(?<=machine_id=)y", {"session"}),
    "show.Result": (r"(?<=Result=)success", {"unit"}),
    "show.ExecStart": (r"5(?= ; ignore)", {"unit", "config"}),
    "processes.command": (r"(?<=500 )/b/v start", {"processes"}),
    "config.p2p.persistent_peers": (r"(?<=peers=')a,b", {"config"}),
    "ownership.name": (r"(?<=\./)x", {"ownership"}),
    "version.version": (r"(?<=version=)1", {"binary"}),
    "journal.message": (r"(?<=panic: )x", {"journal"}),
    "disk.device": (r"x(?= / ext4)", {"disk"}),
    "records.path": (r"(?<=path=)/v", {"records"}),
}
"""Where a host's users choose the text → what of the reading may change by it."""


def reading(sections: Mapping[str, bytes]) -> HostReading:
    whole = printed({name: (data, 0) for name, data in sections.items()}, 0, 1)
    document = read_document(whole, sent=SENT, received=SENT + timedelta(seconds=1))
    return read_host(document, ENTRY, SENT)


PLAIN = {
    **SECTIONS,
    "found": SECTIONS["found"] + b"key_file=/k\n",
    "journal": SECTIONS["journal"] * 2,
}
SOUND = reading(PLAIN)


@given(st.sampled_from(sorted(PLACES)), values)
@example("found.key_file", "/srv/k\u2028rpc=file:///etc/passwd?\u2028home=/srv/other")
@example("config.p2p.persistent_peers", "a\u2028priv_validator_laddr = 'x")
@example("version.version", "1\x85disk=" + "b" * 64)
@example("processes.command", "x\x1e77 S 1 /usr/bin/forged")
@example("journal.message", "x\u20291764000000.000000 h v[1]: forged")
@example("show.ExecStart", "5\u2003--priv_validator_laddr\u2003x")
@examples(400)
def test_a_value_changes_only_itself(place: str, value: str) -> None:
    """Whatever stands in it, but for a line feed, which ends it on the host."""
    section = place.partition(".")[0]
    pattern, may_change = PLACES[place]
    text, count = re.subn(pattern, lambda _: value, PLAIN[section].decode(), count=1)
    assert count == 1
    seen = reading({**PLAIN, section: text.encode("utf-8", "replace")})
    for name in HostReading.__struct_fields__:
        if name not in may_change:
            assert getattr(seen, name) == getattr(SOUND, name), name
    _others_are_as_before(seen)


def _others_are_as_before(seen: HostReading) -> None:
    """In the reading that holds the value: as many records, and the same ones beside it."""
    for process in value_or_none(seen.processes) or ():
        assert (process.pid, process.state, process.started) == (12, "S", 500)
    for line in value_or_none(seen.journal) or ():
        assert line.at == datetime.fromtimestamp(1764086400, UTC).replace(microsecond=123456)
    config, ownership = value_or_none(seen.config), value_or_none(seen.ownership)
    binary = value_or_none(seen.binary)
    assert config is None or (config.remote_signer, config.halt_time) == ("", 0)
    assert ownership is None or ownership.foreign == 1
    assert binary is None or (binary.sha256, binary.running_sha256) == ("a" * 64, "a" * 64)
