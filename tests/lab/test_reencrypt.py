"""What was sealed to a key that is out is sealed anew, in real stores, and somebody else checks it.

The world decides: what a reader opens with PyNaCl, and what the stand-alone checker finds.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.lab import vaults
from tests.lab.choice import full_lab
from tests.lab.key_owners import Keys, keys
from tests.lab.resealing import NEW, OLD, OTHER, PENDING, Stores, blocked
from tests.lab.spec import CHAIN_ID
from tests.lab.vaults import read_with, sealed

__all__ = ["keys"]

VERIFIED, REFUSED, PARTLY = 0, 4, 7


@pytest.fixture
def stores(keys: Keys, tmp_path: Path) -> Stores:
    """Two keys of `vault`, of which the private halves are here; no store yet."""
    return Stores.on(keys, tmp_path / "reencrypt")


def test_all_of_it_is_sealed_anew(stores: Stores, tmp_path: Path) -> None:
    """In a directory, a bucket with versions and a table; while somebody else writes; and no secret
    of it is anywhere afterwards."""
    with ExitStack() as stack:
        tree = vaults.files(tmp_path / "tree", ", accept_damaged: 1")
        bucket = stack.enter_context(vaults.bucket(tmp_path / "s3.secret", versions=True))
        table = stack.enter_context(vaults.table(tmp_path / "pg.secret"))
        stores.vaults = [tree, bucket, table]
        for vault, count in ((tree, 120), (bucket, 40), (table, 120)):
            vault.fill(count, 1, OLD, OTHER)
        stores.describe()
        early = stores.plan("--branch", "re-encrypt")
        assert early.code == REFUSED
        assert "revoke-key` comes first" in early.error["got"]
        stores.revoke()
        (tmp_path / "tree/torn").write_bytes(sealed(b"torn", OLD)[:-20])
        name = stores.planned()
        said = stores.keys.operator.says("apply", name)
        assert said.code == VERIFIED, said.why
        assert (tmp_path / "tree/torn").read_bytes()[-5:] != b"}"
        (tmp_path / "tree/torn").unlink()
        for vault in stores.vaults:
            stores.is_sealed_anew(vault)
        again = stores.plan()
        assert again.code == REFUSED
        assert "nothing is left to do there" in again.error["got"]
        contents = {n: c for n, c in tree.contents.items() if len(c) > 40}
        secrets = {"old key": OLD.secret.reveal(), "new key": NEW.secret.reveal(), **contents}
        state = stores.keys.operator.state
        assert vaults.search(state, secrets, but=stores.home / "old.key") == []
        assert "120 done" in stores.checked(tree)


@full_lab
def test_it_goes_on_when_its_controller_dies(stores: Stores, tmp_path: Path) -> None:
    """The job has a session of its own. `resume` follows it to its end, and nothing happens
    twice."""
    tree = vaults.files(tmp_path / "tree")
    stores.vaults = [tree]
    tree.fill(200, 2, OLD, OTHER)
    stores.describe(extra="    objects_per_second: 20\n")
    stores.revoke()
    name = stores.planned()
    with stores.keys.operator.start("apply", name) as process:
        sealed_by(stores, 30)
        process.kill()
    before = sealed_by(stores, 60)
    assert before >= 60, "it goes on by itself"
    said = stores.keys.operator.says("resume", name)
    assert said.code == VERIFIED, said.why
    stores.is_sealed_anew(tree)
    told = json.dumps(stores.keys.operator.says("report", name).document)
    (report,) = stores.keys.operator.state.glob("runs/*/report.md")
    for text in (told, report.read_text()):
        assert "content taken as known since" in text
        assert re.search("done +200 +yes +2026-11-01", text)
    (ledger,) = stores.home.glob("jobs/*/objects.jsonl")
    lines = [json.loads(line) for line in ledger.read_text().split("\n") if line]
    assert len(lines) == len({one["key"] for one in lines}) == 200


@full_lab
def test_it_is_killed_and_planned_again(stores: Stores, tmp_path: Path) -> None:
    """What it did is whole; the run says so; another plan is about what is left. A writer who does
    not know yet wins, and is sealed anew, too."""
    tree = vaults.files(tmp_path / "tree")
    stores.vaults = [tree]
    tree.fill(200, 3, OLD, OTHER)
    stores.describe(extra="    objects_per_second: 20\n")
    stores.revoke()
    name = stores.planned()
    with stores.keys.operator.start("apply", name) as process:
        sealed_by(stores, 30)
        kill_job(stores)
        assert process.wait(120) == PARTLY
    objects = tree.objects()
    done = [n for n in tree.contents if read_with(objects[n], NEW) == tree.contents[n]]
    left = [n for n in tree.contents if read_with(objects[n], OLD) == tree.contents[n]]
    assert sorted([*done, *left]) == sorted(tree.contents)
    assert len(done) >= 30
    stores.describe()
    said = stores.plan("--out-since", "2026-11-01")
    assert said.code == PENDING
    assert f"seal {len(left)} versions anew" in json.dumps(said.document)
    name = stores.planned()
    tree.contents["object-00199"] = b"written while it ran"
    said = stores.keys.operator.says("apply", name)
    assert said.code == VERIFIED, said.why
    tree.put("object-00199", sealed(b"written while it ran", OLD))
    assert stores.keys.operator.says("verify", name).code not in (VERIFIED, PENDING)
    name = stores.planned()
    assert stores.keys.operator.says("apply", name).code == VERIFIED
    stores.is_sealed_anew(tree)


@full_lab
def test_it_is_stopped_from_elsewhere(stores: Stores, tmp_path: Path) -> None:
    """By name: the job ends after the object at hand, the receipt says how far it is, and another
    plan is about what is left."""
    tree = vaults.files(tmp_path / "tree")
    stores.vaults = [tree]
    tree.fill(200, 5, OLD, OTHER)
    stores.describe(extra="    objects_per_second: 20\n")
    stores.revoke()
    name = stores.planned()
    with stores.keys.operator.start("apply", name) as process:
        sealed_by(stores, 30)
        said = stores.keys.operator.says("stop", name, "--reason", "the office is closing")
        assert process.wait(60) != VERIFIED
    assert said.code == 0, said.why
    outcomes = {one["step"]: one for one in said.result["steps"]}
    (stopped,) = (one for one in outcomes.values() if one["outcome"] == "stopped")
    assert "a person stopped it" in stopped["message"]
    assert "of 203 objects" in stopped["message"]
    objects = tree.objects()
    left = [n for n in tree.contents if read_with(objects[n], OLD) == tree.contents[n]]
    done = [n for n in tree.contents if read_with(objects[n], NEW) == tree.contents[n]]
    assert sorted([*done, *left]) == sorted(tree.contents)
    assert 0 < len(left) < 171
    stores.describe()
    name = stores.planned()
    assert stores.keys.operator.says("apply", name).code == VERIFIED
    stores.is_sealed_anew(tree)


@full_lab
def test_what_cannot_be_proven_is_refused(stores: Stores, tmp_path: Path) -> None:
    """Each wrong thing by its own guard, and nothing in any store has changed."""
    tree = vaults.files(tmp_path / "tree")
    stores.vaults = [tree]
    tree.fill(5, 4, OLD, OTHER)
    before = tree.objects()
    stores.describe()
    stores.revoke()

    def refused_by(guard: str) -> None:
        said = stores.plan()
        assert said.code == REFUSED, said.document
        assert guard in json.dumps(said.document), said.why

    (stores.home / "new.pass").write_text("wrong\n")
    refused_by("R19")
    (stores.home / "new.pass").write_text("correct horse\n")
    stores.home.chmod(0o755)
    refused_by("R23")
    stores.home.chmod(0o700)
    (tmp_path / "tree/torn").write_bytes(sealed(b"torn", OLD)[:-20])
    refused_by("R20")
    (tmp_path / "tree/torn").unlink()
    hidden = vaults.files(tmp_path / "hidden", ", holds: nothing")
    hidden.name = "hidden"
    hidden.put("forgotten", sealed(b"forgotten", OLD))
    stores.vaults = [tree, hidden]
    stores.describe()
    refused_by("R24")
    stores.vaults = [tree]
    stores.describe()
    (tmp_path / "tree/forged").write_bytes(forged(sealed(b"forged", OLD)))
    said = stores.plan("--rehearse")
    assert said.code == REFUSED, said.document
    assert "forged" in json.dumps(said.document)
    (tmp_path / "tree/forged").unlink()
    said = stores.plan("--rehearse")
    assert said.code == PENDING, blocked(said)
    assert "8 of 8 versions tried" in json.dumps(said.document).replace("\\u00a0", " ")
    assert tree.objects() == before


@full_lab
def test_what_is_in_the_chains_state_stays_and_is_told(stores: Stores, tmp_path: Path) -> None:
    """People uploaded it. The rest is sealed anew; what stays is accepted by its number."""
    tree = vaults.files(tmp_path / "tree")
    tree.fill(5, 5, OLD, OTHER)
    envelopes = [sealed(b"identity document", OLD), sealed(b"another one", OLD)]
    for number, envelope in enumerate(envelopes):
        stores.keys.upload(f"scope-{number}", envelope)
    relays = [one.url for one in stores.keys.relays]
    stores.vaults = [tree, vaults.state(CHAIN_ID, relays)]
    stores.describe()
    stores.revoke()
    said = stores.plan()
    assert said.code == REFUSED, said.document
    assert "scopes: 2, 0 accepted" in json.dumps(said.document)
    stores.vaults = [tree, vaults.state(CHAIN_ID, relays, accepted=2)]
    stores.describe()
    name = stores.planned()
    shown = json.dumps(stores.keys.operator.says("show", name).document)
    assert "2 envelopes stay under the old key" in shown
    said = stores.keys.operator.says("apply", name)
    assert said.code == VERIFIED, said.why
    stores.is_sealed_anew(tree)
    stores.keys.upload("scope-2", sealed(b"by a writer who does not know", OLD))
    late = stores.keys.operator.says("verify", name)
    assert late.code not in (VERIFIED, PENDING)
    assert "scopes: 3 live ones name it" in late.why


def forged(data: bytes) -> bytes:
    """An envelope whose content is not what was sealed: it reads well, and no key opens it."""
    tree = json.loads(data)
    content = bytearray(base64.b64decode(tree["ciphertext"]))
    content[-1] ^= 1
    tree["ciphertext"] = base64.b64encode(content).decode()
    return json.dumps(tree, separators=(",", ":")).encode()


def sealed_by(stores: Stores, count: int, limit_s: float = 120) -> int:
    """Wait until the job has sealed so many objects; how many it has."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        for path in stores.home.glob("jobs/*/objects.jsonl"):
            found = path.read_bytes().count(b"\n")
            if found >= count:
                return found
        time.sleep(0.1)
    raise AssertionError(f"fewer than {count} objects in {limit_s} s")


def kill_job(stores: Stores) -> None:
    """End all processes of the job that seals, at once: the one that keeps it first."""
    (path,) = stores.home.glob("jobs/*/objects.jsonl")
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(path.parent).encode() in process.read_bytes().split(b"\0"):
                found.append(int(process.parent.name))
    assert found, "no process does it"
    for number in sorted(found):
        with suppress(ProcessLookupError):
            os.kill(number, 9)
