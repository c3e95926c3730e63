"""What the host is asked for the sake of proofs: only what is needed, and only where it is."""

from __future__ import annotations

from pathlib import Path

from remediations.systems.comet.blocks import PinnedBlock
from remediations.values.reading import Known
from tests.inventories import chain_inventory
from tests.unit.model import answers
from tests.unit.observe.fake_host import POWERS, Host, Rpc, observe


class ChangingPowers(Rpc):
    """A chain whose set after the tip is not the one that signed the last commit."""

    def header(self, height: int) -> answers.Json:
        changed = {"next_validators_hash": "AB" * 32} if height == 113 else {}
        return {**answers.header(height), **changed}


def test_a_set_that_did_not_change_is_read_once(tmp_path: Path) -> None:
    """Two headers tell so; no pinned block is asked for where none is pinned."""
    rpc = Rpc()
    try:
        chain = observe(Host(tmp_path, rpc.port)).chain
    finally:
        rpc.close()
    assert (chain.signers, chain.anchor, chain.anchor_set) == (None, None, None)
    assert isinstance(chain.commit, Known)
    assert chain.commit.value.header is not None
    assert {"/header?height=113", "/header?height=112"} <= set(rpc.asked)
    assert not [path for path in rpc.asked if "height=112" in path and "validators" in path]


def test_the_set_of_the_commit_is_read_where_it_is_another_one(tmp_path: Path) -> None:
    """All of its pages."""
    rpc = ChangingPowers()
    try:
        chain = observe(Host(tmp_path, rpc.port)).chain
    finally:
        rpc.close()
    assert isinstance(chain.signers, Known)
    assert len(chain.signers.value.validators) == len(POWERS)
    assert "/validators?per_page=100&height=112" in rpc.asked


def test_the_pinned_block_is_read_with_its_set(tmp_path: Path) -> None:
    """From every host, since any of them may still have it."""
    inventory = chain_inventory(
        path="inventory.yaml",
        chain_id="virtengine-lab-1",
        halted_after_s=60,
        ssh_config=None,
        allowed_signers=None,
        hosts=(),
        trust=PinnedBlock(height=7, hash="AB" * 32),
    )
    rpc = Rpc()
    try:
        chain = observe(Host(tmp_path, rpc.port), inventory=inventory).chain
    finally:
        rpc.close()
    assert isinstance(chain.anchor, Known)
    assert chain.anchor.value.height == 7
    assert isinstance(chain.anchor_set, Known)
    assert len(chain.anchor_set.value.validators) == len(POWERS)
