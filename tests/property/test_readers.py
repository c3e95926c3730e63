"""Whatever one command on a host or one vote of a node says: a value, or the documented error."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from remediations.engine.observe.section import HostDocument, Section
from remediations.systems.comet import rpc, rpc_envelope, rpc_rounds, rpc_signed, staking_answers
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.proof.protobuf import bytes_field
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.settings import parse_config
from remediations.systems.comet.sign_state import (
    SignStateError,
    decode_sign_bytes,
    parse_sign_state,
)
from remediations.systems.hosts import host_text
from remediations.systems.hosts.document import DocumentError
from remediations.systems.hosts.reading import parse_records
from remediations.values.lines import TextError
from remediations.values.reading import Known, Unknown
from remediations.values.wire import WireError, canonical, decode
from tests.allowed import raises_only
from tests.inventories import node_entry
from tests.property.mutations import trees
from tests.readings import read_document, read_host
from tests.unit.model import answers
from tests.unit.model.stakes import (
    ACCOUNT_KEY,
    ADDRESS,
    INFO_KEY,
    OWN_KEY,
    VALIDATOR_KEY,
    account,
    info,
    validator,
)
from tests.unit.proof.stored import answer, tree

NOW = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
ENTRY = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")

PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "status.1": (rpc.parse_status, answers.status()),
    "app.1": (rpc.parse_app_info, answers.abci_info()),
    "round.1": (rpc_rounds.parse_round_state, answers.consensus_state(114, 1, 4)),
    "dump": (rpc_rounds.parse_peer_rounds, answers.dump_consensus_state()),
    "peers": (rpc.parse_peers, answers.net_info()),
    "validators": (rpc.parse_validators, answers.validators()),
    "blocks": (rpc.parse_blocks, answers.blockchain()),
    "commit": (rpc_signed.parse_commit, answers.commit()),
    "signers": (rpc.parse_validators, answers.validators()),
    "anchor": (rpc_signed.parse_commit, answers.commit()),
    "anchor_set": (rpc.parse_validators, answers.validators()),
    "result": (rpc.parse_block_result, answers.block_results()),
    "signing_info": (
        lambda text: staking_answers.parse_signing_info(text, ADDRESS),
        answer(INFO_KEY, info(), tree("slashing", INFO_KEY, info())[1]),
    ),
    "validator": (
        lambda text: staking_answers.parse_validator(text, ADDRESS),
        answer(VALIDATOR_KEY, validator(), tree("staking", VALIDATOR_KEY, validator())[1]),
    ),
    "own_shares": (staking_answers.parse_own_shares, answer(OWN_KEY, bytes_field(3, b"1"), [])),
    "account": (staking_answers.parse_account, answer(ACCOUNT_KEY, account(), [])),
}


@given(st.text(max_size=120), st.integers(0, 10), st.integers(0, 10), st.integers(0, 10))
@settings(max_examples=200)
def test_vote_strings_and_bit_arrays(text: str, index: int, height: int, round_: int) -> None:
    """Any text is a vote, absent, or no vote."""
    with raises_only(rpc_envelope.RpcError):
        rpc_rounds.parse_vote(text, index, height, round_)
    with raises_only(rpc_envelope.RpcError):
        rpc_rounds.parse_bit_array(text)


@given(st.lists(st.sampled_from(["", "nil", answers.BLOCK[:12]]), min_size=1, max_size=300))
@settings(max_examples=50)
def test_votes_survive_the_way_there_and_back(votes: list[str]) -> None:
    """What a node prints of any votes of any set is read as those votes."""
    texts = [
        answers.vote(index, 9, 0, "0" * 12 if vote == "nil" else vote) if vote else "nil-Vote"
        for index, vote in enumerate(votes)
    ]
    answer = answers.consensus_state(9, 0, 4, prevotes=texts, powers=[1] * len(texts))
    assert rpc_rounds.parse_round_state(answer).prevotes == tuple(votes)


@given(st.one_of(st.text(max_size=200), trees.map(json.dumps)), st.binary(max_size=80))
@settings(max_examples=300)
def test_a_sign_state_is_a_value_or_a_sign_state_error(text: str, data: bytes) -> None:
    """Text or signed bytes of any kind."""
    with raises_only(SignStateError):
        parse_sign_state(text)
    with raises_only(SignStateError):
        decode_sign_bytes(data)


@given(st.text(max_size=200), st.text(max_size=60))
@settings(max_examples=300)
def test_what_commands_print_is_a_value_or_a_text_error(text: str, more: str) -> None:
    """Any text in the place of any command's."""
    for parse in (
        lambda: host_text.parse_unit(text, home="/h"),
        lambda: host_text.parse_processes(text),
        lambda: host_text.parse_key(text),
        lambda: host_text.parse_wal(text),
        lambda: host_text.parse_disk(text),
        lambda: host_text.parse_binary(text),
        lambda: parse_records(text),
        lambda: parse_config(text, more, (text, more), more),
    ):
        with raises_only(TextError):
            parse()
    host_text.parse_ownership(text, home="/h")
    host_text.parse_journal(text)


PROPERTIES = """Id LoadState ActiveState SubState UnitFileState Result NRestarts MainPID
ExecMainStatus User ExecStart Restart TimeoutStopUSec LimitNOFILE ActiveEnterTimestamp
InvocationID"""
words = st.sampled_from(
    ["", "0", "-1", "1h", "infinity", "9" * 30, "{ path=x ; argv[]=", "n/a", "no", "\x00", "é"]
)


@given(st.lists(words, min_size=16, max_size=16))
@settings(max_examples=200)
def test_a_unit_of_odd_properties(values: list[str]) -> None:
    """Each property exchanged for something systemd does not print there."""
    text = "\n".join(
        f"{name}={value}" for name, value in zip(PROPERTIES.split(), values, strict=True)
    )
    with raises_only(TextError):
        host_text.parse_unit(text, home="/h")


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_a_document_is_a_value_or_a_document_error(printed: bytes) -> None:
    """Also behind the mark that it begins with."""
    for text in (printed, b'{"remediate_probe":1,' + printed):
        with raises_only(DocumentError):
            read_document(text, sent=NOW, received=NOW)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *PARSERS,
                "login",
                "found",
                "show",
                "processes",
                "config",
                "app_config",
                "key",
                "wal",
                "disk",
                "ownership",
                "records",
                "sign_state",
                "binary",
                "journal",
                "status.2",
            ]
        ),
        st.tuples(
            st.one_of(st.binary(max_size=100), st.sampled_from([a for _, a in PARSERS.values()])),
            st.sampled_from([0, 0, 0, 1, 7, 28, 44, 124]),
        ),
    ),
)
@settings(max_examples=200)
def test_any_sections_make_a_reading(sections: dict[str, tuple[bytes, int]]) -> None:
    """Sections missing, exchanged or odd: each value is known or unknown, and it can be saved."""
    document = HostDocument(
        sections={
            name: Section(data=data, status=status, said="", at=NOW, trouble=None)
            for name, (data, status) in sections.items()
        },
        clock_offset_ms=0,
        round_trip_ms=1,
    )
    reading = read_host(document, ENTRY, NOW)
    assert isinstance(reading.sign_state, Known | Unknown)
    assert decode(canonical(reading), HostReading) == reading


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_a_saved_file_is_an_observation_or_a_wire_error(data: bytes) -> None:
    """What `load_observation` builds its message from."""
    with raises_only(WireError):
        decode(data, CometReading)
