"""What `module-hash-by-height` prints, and what is not taken for it."""

from __future__ import annotations

import base64
import json

import pytest

from remediations.systems.comet.module_hashes import (
    ModuleHashes,
    NoModuleHashes,
    read_module_hashes,
)

HEIGHT = 8
STORES = {"acc": "A1" * 32, "bank": "B2" * 32, "upgrade": ""}
EMPTY_TREE = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
REAL = {
    "acc": "12DA51938607EF7A510FB02C59347ABB803EDBAAFFFA82FAC6234131FA849330",
    "bank": "E21B557FCD793EE738D0A61EF6DAF0321BC309E75A0A37EFC3C4D59ED2C13F39",
    "consensus": "35760E4A68FBC1CDD5B3B181B90D04F51390A0AA55476CDB40924D1494BF3D1D",
    "evidence": EMPTY_TREE,
    "faults": EMPTY_TREE,
    "slashing": "930DA4C2269FBBBD4B79AA8FF8A1D844A138B9E44CEDA7332471E9FA14102A54",
    "staking": "7A048DDF76A6A5546210F48A4972827E1DB1D4D289E287B04169C80C86E5038E",
    "upgrade": "36DB6D94EF40E79BD5B6BB7AFEA5C9F4C7FCEA826DE0B52C5CB0D48B2CC77F1A",
}
NOISE = "\x1b[90m12:00\x1b[0m \x1b[32mINF\x1b[0m compiling circuit {}  WRN keys are generated\n"


def answer(stores: object = None, *, height: object = str(HEIGHT)) -> str:
    """What the program of the SDK prints."""
    infos = [
        {"name": name, "commit_id": {"version": "8", "hash": base64.b64encode(h.encode()).decode()}}
        for name, h in STORES.items()
    ]
    told = {"version": height, "store_infos": infos if stores is None else stores, "timestamp": "x"}
    return NOISE + json.dumps(told) + "\n"


APP_HASH = ModuleHashes(height=HEIGHT, stores=STORES).app_hash


def test_the_hash_of_each_store() -> None:
    """It stands behind noise; the last answer counts."""
    text = answer([]) + answer()
    assert dict(read_module_hashes(text, HEIGHT, APP_HASH).stores) == STORES


def test_the_app_hash_is_the_root() -> None:
    """As a real chain gave both, of block 7 in the lab."""
    one = ModuleHashes(height=7, stores=REAL)
    assert one.app_hash == "8DDC7FE0C6CAB10B8B9A6815DA9B235B60406E3F6CA68E6D80C16412B46F2E37"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "gave no answer"),
        ("x it ended with 124", "no answer in what it printed: x it ended with 124"),
        ("Error: unknown command\nUsage:\n  virtengined [command]", "has no module-hash-by-height"),
        ("Error: error opening DB, make sure", "refused: error opening DB"),
        (answer()[:-30], "no answer in what it printed"),
        (answer(height="7"), "another height than 8"),
        (answer(height=8.5), "another height than 8"),
        (answer([]), "list of stores"),
        (answer({"acc": 1}), "list of stores"),
        (answer([{"name": "acc"}]), "a store of it"),
        (answer(["acc"]), "a store of it"),
        (answer([{"name": "a\x1b", "commit_id": {"hash": ""}}]), "name or the hash"),
        (answer([{"name": "a", "commit_id": {"hash": "QQ=="}}]), "name or the hash"),
        (answer([{"name": "a", "commit_id": {"hash": "!"}}]), "a store of it"),
        (answer([{"name": "a", "commit_id": {"hash": ""}}] * 2), "names the store a twice"),
        (answer([{"name": "a", "commit_id": {"hash": ""}}]), "do not give the app hash"),
    ],
)
def test_what_is_not_an_answer(text: str, reason: str) -> None:
    """It is unknown then, with the reason."""
    with pytest.raises(NoModuleHashes, match=reason):
        read_module_hashes(text, HEIGHT, APP_HASH)
