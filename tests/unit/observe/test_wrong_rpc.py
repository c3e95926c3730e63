"""An RPC that answers anything: the probe is bounded, each reading says why it is unknown, what
lies on the host is read all the same, and no diagnosis follows from nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from remediations.engine.observe.observation import OBSERVATION_FORMAT, Scope, save_observation
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.poll import poll_nodes
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.login import Login
from remediations.values.reading import Known, Reading, Unknown
from tests.readings import program
from tests.unit.cli.desk import remediate
from tests.unit.model import answers
from tests.unit.observe import fake_host, odd_rpc
from tests.unit.observe.fake_host import Host, Rpc, observe
from tests.unit.observe.odd_rpc import Manner, OddRpc, changed, said, well
from tests.unit.observe.test_look import Reached, Shell

LIMITS = {
    "app": 65_536,
    "status": 65_536,
    "blockchain": 262_144,
    "net_info": 2_000_000,
    "validators": 1_000_000,
}
"""Bytes that the probe takes of an answer; of others 4,000,000."""
IN_THE_PIPES = 12_000_000
"""What sockets and pipes between the node and the limit may hold."""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe with shorter limits: the second look at once, a second for each answer."""

    def shorter(entry: HostEntry, scope: Scope, inventory: Inventory | None) -> bytes:
        text = program(entry, scope, inventory)
        for old, new in (
            (b"\nRPC_SECONDS=2\n", b"\nRPC_SECONDS=1\n"),
            (b"\nSAMPLES_APART_US=2500000\n", b"\nSAMPLES_APART_US=50000\n"),
        ):
            assert text.count(old) == 1
            text = text.replace(old, new)
        return text

    monkeypatch.setattr(fake_host, "program", shorter)


@pytest.fixture(scope="module")
def good() -> Iterator[Rpc]:
    """What a node would have answered."""
    rpc = Rpc()
    yield rpc
    rpc.close()


@contextmanager
def odd(good: Rpc, otherwise: Manner = well, **manners: Manner) -> Iterator[OddRpc]:
    """A node with the manners given by the name of an RPC path."""
    rpc = OddRpc(good.answer, {f"/{name}": how for name, how in manners.items()}, otherwise)
    try:
        yield rpc
    finally:
        rpc.close()


def read(rpc: OddRpc, root: Path) -> HostReading:
    """One reading; the files of the host are known whatever its RPC says."""
    reading = observe(Host(root, rpc.port), Scope.DECIDING)
    assert isinstance(reading.session, Known)
    assert isinstance(reading.unit, Known)
    assert isinstance(reading.sign_state, Known)
    return reading


def alone(reading: HostReading) -> CometReading:
    """The world as this host tells it."""
    now = datetime.now(UTC)
    return CometReading(
        format=OBSERVATION_FORMAT,
        tool="remediate 0",
        scope=Scope.DECIDING,
        began=now,
        ended=now,
        inventory_digest="0" * 64,
        chain_id="virtengine-lab-1",
        halted_after_s=60,
        logins=(Login(host=reading.host, hops=()),),
        hosts=(reading,),
    )


def rest_of(reading: HostReading) -> tuple[Reading[object], ...]:
    """Everything that is asked after /status."""
    chain = reading.chain
    sample = reading.samples[0]
    return (
        *(sample.app, sample.round),
        *(chain.validators, chain.peers, chain.peer_rounds),
        *(chain.blocks, chain.commit, chain.result),
    )


def concludes_nothing(reading: HostReading, directory: Path) -> None:
    """Neither healthy nor halted: undetermined, exit 11, and one document."""
    world = alone(reading)
    assert diagnose(world).chain is ChainClass.UNDETERMINED
    save_observation(sealed(world), directory / "odd.json")
    done = remediate("diagnose", "--from", directory / "odd.json", "--json")
    assert (done.code, done.document["outcome"]) == (11, "unreadable")
    assert "Traceback" not in done.out + done.err


HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
MANNERS: dict[str, tuple[Manner, str]] = {
    "HTML": (said(HTML, status=502), "malformed"),
    "half a JSON": (odd_rpc.half, "is malformed"),
    "cut off": (odd_rpc.cut_off, "exit status 18"),
    "nothing": (said(b""), "truncated"),
    "no answer at all": (odd_rpc.hung_up, "exit status 52"),
    "another protocol": (odd_rpc.no_http, "exit status 1"),
    "compressed": (odd_rpc.packed, "malformed"),
    "a redirect": (said(b"", status=302, headers={"Location": "http://127.0.0.1:1/"}), "truncated"),
    "another JSON": (said(b'{"result": {"ok": true}}'), "missing"),
    "deep": (said(b"[" * 60_000), "Expected"),
    "an error of the node": (said(answers.rpc_error("boom", "\x1b[2J")), "boom"),
}
"""By what the node does: how, and a word of the reason that /status is unknown."""


@pytest.mark.parametrize("case", MANNERS)
def test_a_status_that_is_none(good: Rpc, tmp_path: Path, case: str) -> None:
    """The reason is in the reading; the rest of the chain is not believed either."""
    manner, word = MANNERS[case]
    with odd(good, status=manner) as rpc:
        reading = read(rpc, tmp_path)
    for sample in reading.samples:
        assert isinstance(sample.status, Unknown)
        assert word in sample.status.reason
        assert "\x1b" not in sample.status.reason
    assert isinstance(reading.chain.validators, Unknown)
    concludes_nothing(reading, tmp_path)


@pytest.mark.parametrize("case", ["HTML", "nothing", "cut off", "another JSON"])
def test_all_but_status_is_wrong(good: Rpc, tmp_path: Path, case: str) -> None:
    """Each of the eight answers is unknown by itself, with its reason."""
    with odd(good, MANNERS[case][0], status=well) as rpc:
        reading = read(rpc, tmp_path)
    assert isinstance(reading.samples[0].status, Known)
    for found in rest_of(reading):
        # `{"ok": true}` lacks no field of an answer whose fields may all be left out.
        assert isinstance(found, Unknown) or case == "another JSON"
    assert isinstance(reading.chain.validators, Unknown)
    concludes_nothing(reading, tmp_path)


def test_gigabytes_without_a_length(good: Rpc, tmp_path: Path) -> None:
    """Of every answer no more is taken than its limit, and the probe ends in its time."""
    with odd(good, odd_rpc.endless, status=well) as rpc:
        reading = read(rpc, tmp_path)
        sent = dict(rpc.sent)
    assert len(sent) == 9
    for path, count in sent.items():
        assert count < 3 * LIMITS.get(path[1:], 4_000_000) + IN_THE_PIPES, path
    assert all(isinstance(found, Unknown) for found in rest_of(reading))
    concludes_nothing(reading, tmp_path)


def test_a_status_of_gigabytes(good: Rpc, tmp_path: Path) -> None:
    """The same where it is the very first answer."""
    with odd(good, status=odd_rpc.endless) as rpc:
        reading = read(rpc, tmp_path)
        assert rpc.sent["/status"] < 3 * LIMITS["status"] + IN_THE_PIPES
    assert all(isinstance(sample.status, Unknown) for sample in reading.samples)
    concludes_nothing(reading, tmp_path)


@pytest.mark.parametrize("manner", [odd_rpc.never, odd_rpc.dripping])
def test_an_answer_that_never_comes(good: Rpc, tmp_path: Path, manner: Manner) -> None:
    """Ended by its limit, and called so."""
    with odd(good, manner, status=well) as rpc:
        reading = read(rpc, tmp_path)
    for found in rest_of(reading):
        assert isinstance(found, Unknown)
        assert "time limit" in found.reason
    concludes_nothing(reading, tmp_path)


VALUES: dict[str, tuple[bytes, bytes]] = {
    "beyond 64 bits": (b'"113"', b'"99999999999999999999"'),
    "the largest": (b'"113"', b'"9223372036854775807"'),
    "negative": (b'"113"', b'"-113"'),
    "an exponent": (b'"113"', b'"1e999"'),
    "shell": (b'"113"', b'"1;id"'),
    "far future": (b'_time": "2026', b'_time": "9999'),
    "far past": (b'_time": "2026', b'_time": "0001'),
    "no such day": (b'_time": "2026-', b'_time": "2026-99-'),
}
"""By what is odd about it: bytes of /status, and what they are replaced with."""


@pytest.mark.parametrize("case", VALUES)
def test_a_status_with_impossible_values(good: Rpc, tmp_path: Path, case: str) -> None:
    """Refused as no status, or taken for what one node says; nothing follows from it alone."""
    old, new = VALUES[case]
    with odd(good, status=changed(old, new)) as rpc:
        reading = read(rpc, tmp_path)
    for sample in reading.samples:
        if isinstance(sample.status, Unknown):
            assert sample.status.reason
        else:
            assert 0 < sample.status.value.height < 2**63
    concludes_nothing(reading, tmp_path)


def test_impossible_values_in_all_other_answers(good: Rpc, tmp_path: Path) -> None:
    """Votes, bit arrays, headers, flags and peers of a version that nobody knows."""
    with odd(
        good,
        abci_info=changed(b'"last_block_height": "113"', b'"last_block_height": "-1"'),
        consensus_state=changed(b"Vote{", b"VoteV2{"),
        dump_consensus_state=changed(b'"height": "', b'"height": "-'),
        net_info=changed(b'"remote_ip": "', b'"remote_ip": 7, "was": "'),
        blockchain=changed(b'"height": "113"', b'"height": "1e30"'),
        commit=changed(b'"block_id_flag": 2', b'"block_id_flag": 9'),
        block_results=changed(b'"height": "113"', b'"height": "-113"'),
        validators=changed(b'"voting_power": "1000"', b'"voting_power": "-1"'),
    ) as rpc:
        reading = read(rpc, tmp_path)
    for found in rest_of(reading):
        assert isinstance(found, Unknown), found
        assert len(found.reason) < 500
    concludes_nothing(reading, tmp_path)


PAGES: dict[str, tuple[bytes, bytes]] = {
    "more announced than there are": (b'"total": "150"', b'"total": "251"'),
    "fewer announced than there are": (b'"total": "150"', b'"total": "101"'),
    "none announced": (b'"total": "150"', b'"total": "0"'),
    "a million announced": (b'"total": "150"', b'"total": "999999"'),
}


@pytest.mark.parametrize("case", PAGES)
def test_pages_of_validators_that_do_not_fit(good: Rpc, tmp_path: Path, case: str) -> None:
    """A set that is not complete is none: power is counted over all of it or not at all."""
    with odd(good, validators=changed(*PAGES[case])) as rpc:
        reading = read(rpc, tmp_path)
    assert isinstance(reading.chain.validators, Unknown)
    assert isinstance(reading.samples[0].status, Known)


def test_pages_of_two_heights(good: Rpc, tmp_path: Path) -> None:
    """A set that changes while it is read is refused, not mixed."""

    def moves(rpc: OddRpc, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if "page=2" in handler.path:
            body = body.replace(b'"block_height": "1', b'"block_height": "2')
        well(rpc, handler, body)

    with odd(good, validators=moves) as rpc:
        reading = read(rpc, tmp_path)
    assert isinstance(reading.chain.validators, Unknown)
    assert "different heights" in reading.chain.validators.reason


@pytest.mark.parametrize("case", ["HTML", "half a JSON", "nothing", "deep", "another protocol"])
def test_the_light_poll_shows_nothing_of_it(good: Rpc, case: str) -> None:
    """The display has no height then, and the application goes on."""
    with odd(good, MANNERS[case][0]) as rpc:
        reach = Reached({"val1": Shell("val1")})
        polls = asyncio.run(poll_nodes(reach, [("val1", f"http://127.0.0.1:{rpc.port}")]))
    assert (polls["val1"].status, polls["val1"].round) == (None, None)
