"""Who did not sign the last block is asked about: each by itself, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from remediations.systems.comet.proof.protobuf import number_field
from remediations.values.reading import Known
from tests.unit.model import answers
from tests.unit.model.stakes import info
from tests.unit.observe.fake_host import Host, Rpc, observe
from tests.unit.proof.stored import answer

SET = [one["address"] for one in json.loads(answers.validators())["result"]["validators"]]


class Counting(Rpc):
    """A node whose application counts who signs; the first of its set did not, by its commit."""

    def __init__(self) -> None:
        super().__init__()
        self.lacks = 1

    def answer(self, path: str) -> bytes:
        parts = urlsplit(path)
        if parts.path == "/commit":
            commit = json.loads(super().answer(path))
            inner = commit["result"]["signed_header"]["commit"]
            signed = next(one for one in inner["signatures"] if one["block_id_flag"] == 2)
            nothing = {**signed, "block_id_flag": 1, "validator_address": "", "signature": None}
            inner["signatures"] = [{**signed, "validator_address": address} for address in SET]
            inner["signatures"][: self.lacks] = [nothing] * self.lacks
            return json.dumps(commit, indent=2).encode()
        if parts.path == "/validators":
            return answers.validators()
        if parts.path != "/abci_query":
            return super().answer(path)
        key = bytes.fromhex(parse_qs(parts.query)["data"][0].removeprefix("0x"))
        return answer(key, number_field(1, 100) if key == b"\x00" else info(), [], height=113)


@pytest.fixture
def rpc() -> Iterator[Counting]:
    server = Counting()
    yield server
    server.close()


def queries(rpc: Counting) -> list[str]:
    """What its application was asked."""
    return [path for path in rpc.asked if path.startswith("/abci_query")]


def test_who_did_not_sign(rpc: Counting, tmp_path: Path) -> None:
    """With what the chain counts against it, by its address."""
    found = observe(Host(tmp_path, rpc.port)).chain.absent
    assert isinstance(found, Known), found
    (absence,) = found.value
    assert (absence.address, absence.missed, absence.window) == (SET[0], 11, 100)
    assert absence.height == 113
    assert len(queries(rpc)) == 2


def test_where_all_signed_nobody_is_asked_about(rpc: Counting, tmp_path: Path) -> None:
    """It costs a healthy chain nothing."""
    rpc.lacks = 0
    assert observe(Host(tmp_path, rpc.port)).chain.absent is None
    assert queries(rpc) == []
