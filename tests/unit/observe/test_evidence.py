"""Who a block's evidence is against is read where a header names evidence, and only there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediations.systems.comet.reading import ChainView
from remediations.values.reading import Known, Unknown
from tests.signed import SignedChain, block_with_evidence, hash_of
from tests.unit.model.answers import Json, envelope
from tests.unit.observe.fake_host import Host, Rpc, observe

CHAIN = SignedChain((40, 30, 20, 10))
ONE, OTHER = CHAIN.header(108), CHAIN.header(108, app_hash=hash_of("another"))


class Evident(Rpc):
    """Blocks 110 and 111 have evidence; the newer one is shown with transactions around it."""

    shows: bytes | None = None

    def block(self, height: int) -> bytes:
        if self.shows is not None:
            return self.shows
        if height != 111:
            return b""
        votes = CHAIN.vote(3, ONE), CHAIN.vote(3, OTHER)
        found: Json = block_with_evidence(CHAIN.signers[3].address, *votes)["block"]
        whole = {
            "header": {"height": str(height)},
            "data": {"txs": ["QUJD" * 100_000, b'"evidence"'.hex()]},
            **found,
            "last_commit": {"height": "110", "signatures": []},
        }
        return envelope({"block_id": {}, "block": whole})


@pytest.fixture
def rpc() -> Iterator[Evident]:
    server = Evident()
    yield server
    server.close()


def chain_of(rpc: Rpc, root: Path) -> ChainView:
    return observe(Host(root, rpc.port)).chain


def test_the_newest_block_with_evidence_is_asked_for_its_own(rpc: Evident, tmp_path: Path) -> None:
    """Both votes come, and nothing of the transactions."""
    rpc.with_evidence = (110, 111)
    evidence = chain_of(rpc, tmp_path).evidence
    assert isinstance(evidence, Known), evidence
    (one,) = evidence.value
    assert one.address == CHAIN.signers[3].address
    assert (one.first, one.second) == (CHAIN.vote(3, ONE), CHAIN.vote(3, OTHER))
    assert [path for path in rpc.asked if path.startswith("/block?")] == ["/block?height=111"]


def test_without_evidence_no_block_is_asked_for(rpc: Evident, tmp_path: Path) -> None:
    """A block may be large, and there is nothing in it to read."""
    assert chain_of(rpc, tmp_path).evidence is None
    assert not [path for path in rpc.asked if path.startswith("/block?")]


@pytest.mark.parametrize(
    "shown",
    [
        b"",
        b"not a block",
        json.dumps({"jsonrpc": "2.0", "id": -1, "error": {"code": -32603}}).encode(),
    ],
)
def test_a_block_that_is_not_shown_leaves_it_unknown(
    rpc: Evident, tmp_path: Path, shown: bytes
) -> None:
    """That there is evidence is known by the header; against whom is not."""
    rpc.with_evidence, rpc.shows = (111,), shown
    assert isinstance(chain_of(rpc, tmp_path).evidence, Unknown)
