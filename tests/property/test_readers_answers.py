"""What hosts and nodes answer, spoilt by structure: known or unknown readings, nothing else."""

from __future__ import annotations

import base64
import gzip
import json
import re
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from remediations.systems.comet import rpc_envelope
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import HostReading
from remediations.systems.hosts.document import DocumentError
from remediations.values.reading import Unknown
from remediations.values.wire import canonical, decode
from tests.allowed import raises_only
from tests.inventories import node_entry
from tests.property.mutations import edited, examples, mangled, spoilt
from tests.property.test_readers import PARSERS
from tests.readings import read_document, read_host

SENT = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
ENTRY = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")
HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"
UNIT = """Id=v.service\nLoadState=loaded\nActiveState=active\nSubState=running
UnitFileState=enabled\nResult=success\nNRestarts=0\nMainPID=12\nExecMainStatus=0\nUser=ve
ExecStart={ path=/b/v ; argv[]=/b/v start --halt-height 5 ; ignore_errors=no ; }\nRestart=always
TimeoutStopUSec=1min 30s\nLimitNOFILE=1024\nInvocationID=abc
ActiveEnterTimestamp=Wed 2026-11-25 16:39:00 UTC\n"""
SECTIONS: dict[str, bytes] = {
    "found": b"unit=v.service\nhome=/h\nrpc=http://127.0.0.1:26657\n",
    "login": b"user=ops\neuid=0\nboot_id=x\nmachine_id=y\n",
    "show": UNIT.encode(),
    "state_copies": b"booted 1700000000\nbeside 1700000000 /h/data/state.bak\n"
    b'{"height":"7","round":"0","step":"3","signature":"AAAA","signbytes":""}\n'
    b"kept 0A1B2C3D4E5F60718293A4B5C6D7E8F901234567 1700000000 /v/1/sign-state-after\nodd gone\n",
    "processes": b"12 S 500 /b/v start\n",
    "config": b"priv_validator_laddr=''\n[p2p]\npersistent_peers='a,b'\n[consensus]\n"
    b"double_sign_check_height=0\n",
    "app_config": b"halt-height=0\nhalt-time=0\n",
    "key": b"address=%b\nnode_key=yes\n" % (b"A" * 40),
    "sign_state": b'{"height":"5","round":0,"step":3}',
    "wal": b"5\n6\n",
    "disk": b"Avail Size IAvail Inodes Mounted\n1 2 3 4 /\nx / ext4 rw,noatime 0 0\n",
    "ownership": b"./x\n",
    "records": b"path=/v\nwritable=yes\nroom=1 2 3 4\n0 700 /v\n0 755 /\n",
    "binary": b"path=/b/v\ndisk=%b\nrunning=%b\n" % (b"a" * 64, b"a" * 64),
    "version": b"version=1\n",
    "pressure": b"processors=2\nload=1.50\nquota=200ms\ncpu=5\nran_us=10\nwaited_us=30\n",
    "dials": b"%b open\n%b silent\n" % (b"a" * 40, b"b" * 40),
    "ways": b"way %b 10.0.0.2 shut silent\nroute blackhole 10.0.0.2\nlink e1 10.1.0.5/24\n"
    b"rule table inet f { # handle 1\nrule \tchain i { # handle 2\n"
    b"rule \t\ttype filter hook input priority filter; policy drop;\n"
    b"rule \t\tip saddr 10.0.0.2 drop # handle 3\n" % (b"a" * 40),
    "journal": b"1764086400.123456 h v[1]: panic: x\n",
    **{name: answer for name, (_, answer) in PARSERS.items()},
    **{f"{name[:-1]}2": answer for name, (_, answer) in PARSERS.items() if name.endswith(".1")},
}
NUMBERS = (b"9" * 30, b"9" * 5000, b"0x" + b"f" * 5000, b"-1", b"infinity", b"1e999", b"999999h")
TIMES = (b"n/a", b"Wed 9999-12-31 23:59:59 UTC", b"Wed 0001-01-01 00:00:00 UTC")
BYTES = (
    b"",
    b"\x00",
    b"\x1b[31m",
    b"\xff\xfe",
    b"\xe2\x80\xae",
    b"[" * 5000,
    b"{ path=",
    b"=",
    HTML,
)
words = st.sampled_from((*NUMBERS, *TIMES, *BYTES))
clocks = st.sampled_from((1764086400000000, 0, 4_000_000_000_000_000, -1, 10**30))


def answers(name: str) -> st.SearchStrategy[bytes]:
    """The RPC answer `name`, spoilt, or a page of a proxy."""
    whole = PARSERS[name][1]
    return st.one_of(spoilt(whole), edited(whole), edited(whole, 6), mangled(whole), st.just(HTML))


@given(st.data())
@examples(400)
def test_an_rpc_answer_is_a_value_or_an_rpc_error(data: st.DataObject) -> None:
    """Half a JSON, unknown votes, heights of 400 digits, the year 1; and a value can be kept."""
    name = data.draw(st.sampled_from(sorted(PARSERS)))
    with raises_only(rpc_envelope.RpcError):
        canonical([PARSERS[name][0](data.draw(answers(name)))])


@st.composite
def sections(draw: st.DrawFn) -> dict[str, tuple[bytes, int]]:
    """What a probe reads, with some of it missing, failed or odd."""
    found = {name: (data, 0) for name, data in SECTIONS.items()}
    for name in draw(st.sets(st.sampled_from(sorted(found)), min_size=1, max_size=4)):
        whole = SECTIONS[name]
        kind = draw(st.sampled_from(("gone", "failed", "bytes", "word", "word", "answer")))
        if kind == "gone":
            del found[name]
        elif kind == "failed":
            found[name] = whole, draw(st.sampled_from((1, 7, 28, 44, 124, 137, 141, 255)))
        elif kind == "bytes":
            found[name] = draw(mangled(whole)), 0
        elif kind == "answer" and name in PARSERS:
            found[name] = draw(answers(name)), 0
        else:
            spans = [match.span() for match in re.finditer(rb"[^\s=]+", whole)]
            begin, end = draw(st.sampled_from(spans))
            found[name] = whole[:begin] + draw(words) + whole[end:], 0
    return found


def printed(parts: dict[str, tuple[bytes, int]], began: int, ended: int) -> bytes:
    """What `probe.sh` would print of them."""
    document: dict[str, object] = {"remediate_probe": 1, "began": began, "ended": ended}
    for name, (data, status) in parts.items():
        document[name] = {
            "b64": base64.b64encode(gzip.compress(data, 1)).decode(),
            "rc": status,
            "err": base64.b64encode(b"no such thing\x1b[0m").decode(),
            "at": 1764086400500000,
            "us": 5,
        }
    return json.dumps(document, separators=(",", ":")).encode()


def reading_of(data: bytes) -> HostReading | None:
    """The reading of what a host printed; None where that is not a document."""
    try:
        document = read_document(data, sent=SENT, received=SENT + timedelta(seconds=1))
    except DocumentError:
        return None
    reading = read_host(document, ENTRY, SENT)
    assert decode(canonical(reading), HostReading) == reading
    return reading


def test_what_is_not_spoilt_is_known() -> None:
    """Or the other tests here would prove nothing."""
    reading = reading_of(printed({name: (data, 0) for name, data in SECTIONS.items()}, 0, 1))
    assert reading is not None
    fields = (reading.session, reading.unit, reading.config, reading.disk, reading.sign_state)
    assert not any(isinstance(field, Unknown) for field in (*fields, reading.chain.validators))


@given(sections(), clocks, clocks, st.data())
@examples(150)
def test_any_probe_is_a_reading_that_can_be_saved(
    parts: dict[str, tuple[bytes, int]], began: int, ended: int, data: st.DataObject
) -> None:
    """Sections odd by themselves, then sometimes the document around them."""
    whole = printed(parts, began, ended)
    if data.draw(st.integers(0, 3)) == 0:
        whole = data.draw(spoilt(whole, 2) | edited(whole, 2) | mangled(whole))
    reading_of(whole)


@given(st.sampled_from(("config", "app_config")), words)
@example("app_config", b"0x" + b"f" * 5000)
@example("app_config", b"9" * 5000)
@example("config", b"[0x" + b"f" * 5000 + b"]")
@examples(40)
def test_a_setting_of_any_value_is_known_or_unknown(name: str, value: bytes) -> None:
    """TOML has integers of any length, which Python can neither read nor write in decimals."""
    line = b"halt-height = " if name == "app_config" else b"priv_validator_laddr = "
    parts = {section: (data, 0) for section, data in SECTIONS.items()}
    assert reading_of(printed({**parts, name: (line + value, 0)}, 0, 1)) is not None
