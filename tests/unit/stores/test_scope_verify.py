"""The stand-alone checker: it finds what the package found, and what was kept from it."""

from __future__ import annotations

import ast
import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.systems.stores.envelope import Envelope, canonical, parse
from remediations.systems.stores.file_tree import FileTree
from remediations.systems.stores.marks import is_marked
from remediations.systems.stores.scope import (
    ObjectVersion,
    Scope,
    ScopeEntry,
    read_scope,
    scope_document,
)
from remediations.systems.stores.sealing import PrivateKey, open_envelope, seal, seal_for_several
from remediations.values.secret import Secret
from tests.unit.stores.keys import FIRST, ONE, SECOND, SEVERAL
from tests.unit.stores.test_envelope import WRONG
from tools import scope_verify

TOOL = Path(scope_verify.__file__)
CONTENT = Secret(b"content", "c")


def sealed(key: PrivateKey) -> bytes:
    return canonical(seal(CONTENT, key.public))


def scope_of(store: FileTree) -> Scope:
    return Scope(
        ScopeEntry(
            object=ObjectVersion(store=store.name, key=one.key, version=one.version),
            sha256=store.read(one.key, one.version).sha256,
        )
        for one in store.versions()
        if is_marked(store.read(one.key, one.version).data)
    )


class World:
    """A tree with two envelopes for the first key, one for the second, and somebody's file."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        (self.root / "a").mkdir(parents=True)
        (self.root / "a/one").write_bytes(sealed(FIRST))
        (self.root / "100%").write_bytes(sealed(FIRST))
        (self.root / "fine").write_bytes(sealed(SECOND))
        (self.root / "notes.txt").write_bytes(b"not an envelope")
        self.store = FileTree("files", self.root)
        self.file = folder / "scope.json"
        self.file.write_bytes(scope_document(scope_of(self.store)))
        self.new, self.old = folder / "new", folder / "old"
        self.new.write_bytes(SECOND.secret.reveal())
        self.old.write_text(FIRST.secret.reveal().hex() + "\n")

    def reseal(self, key: str, *, retire: bool = True) -> None:
        former = self.store.live(key)
        self.store.replace(former, sealed(SECOND))
        if retire:
            self.store.retire(key, former.version)

    def verify(self, what: str, *more: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", TOOL, what, self.file, "--tree", f"files={self.root}", *more],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def after(self) -> tuple[int, str]:
        keys = ("--new-key", str(self.new), "--old-key", str(self.old))
        return self.verify("after", "--revoked", FIRST.fingerprint, *keys)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_it_computes_what_the_package_computed(world: World) -> None:
    """From the file, and from the store."""
    root = read_scope(world.file.read_bytes()).summary.root
    for what in ("root", "before"):
        code, said = world.verify(what)
        assert code == 0, said
        assert f"3 versions, root {root}: as said" in said


def test_all_of_it_was_sealed_anew(world: World) -> None:
    """No version names the old key, none opens with it, and all open with the new one."""
    world.reseal("a/one")
    world.reseal("100%25")
    code, said = world.after()
    assert (code, said.splitlines()[-1]) == (0, "1 already · 2 done")


def lost_one(world: World) -> None:
    (world.root / "a/one").unlink()


def written_since(world: World) -> None:
    world.reseal("a/one")
    (world.root / "new one").write_bytes(ONE)


LEFT: dict[str, tuple[Callable[[World], object], str, int]] = {
    "one was forgotten": (lambda world: None, "left files 'a/one'", 1),
    "a former version stays": (
        lambda world: world.reseal("a/one", retire=False), "left files 'a/one'", 1,
    ),
    "one was written since": (written_since, "left files 'new one'", 1),
    "one was sealed to a stranger": (
        lambda world: (world.root / "a/one").write_bytes(
            sealed(PrivateKey.of(Secret(b"s" * 32, "stranger")))
        ),
        "missing-key files 'a/one'",
        1,
    ),
    "one was cut off": (
        lambda world: (world.root / "a/one").write_bytes(sealed(SECOND)[:-1]),
        "damaged files 'a/one'",
        1,
    ),
    "one was deleted": (lost_one, "1 gone", 0),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT)
def test_what_is_left_is_found(world: World, case: str) -> None:
    """By the object's name."""
    change, said, code = LEFT[case]
    world.reseal("100%25")
    change(world)
    found = world.after()
    assert found[0] == code, found[1]
    assert said in found[1]


def test_what_needs_no_key_is_not_protected(world: World) -> None:
    """The chain's library seals for several under a constant."""
    world.reseal("100%25")
    (world.root / "a/one").write_bytes(SEVERAL)
    keys = ("--new-key", str(world.new))
    code, said = world.verify("after", "--revoked", "0" * 40, *keys)
    assert code == 1
    assert "open-to-all files 'a/one'" in said
    third = PrivateKey.of(Secret(b"t" * 32, "third"))
    several = seal_for_several(CONTENT, [SECOND.public, third.public])
    (world.root / "a/one").write_bytes(canonical(several))
    assert world.verify("after", "--revoked", FIRST.fingerprint, *keys)[0] == 0


def test_a_scope_that_is_not_that_of_the_store_is_found(world: World) -> None:
    """More envelopes than were said, or others."""
    (world.root / "forgotten").write_bytes(ONE)
    code, said = world.verify("before")
    assert code == 1
    assert "+ files 'forgotten'" in said
    assert "stores: 4 versions" in said


def test_a_root_that_is_not_that_of_the_entries_is_found(world: World) -> None:
    """By both readers."""
    tree = json.loads(world.file.read_bytes())
    tree["entries"].pop()
    world.file.write_text(json.dumps(tree))
    code, said = world.verify("root")
    assert code == 1
    assert "NOT as said" in said
    with pytest.raises(ValueError, match="not those of the count"):
        read_scope(world.file.read_bytes())


def test_an_export_stands_for_another_store(world: World, tmp_path: Path) -> None:
    """One line for each version."""
    rows = [
        {
            "key": one.key,
            "version": one.version,
            "data": base64.encodebytes(world.store.read(one.key, one.version).data).decode(),
        }
        for one in world.store.versions()
    ]
    lines = tmp_path / "export.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert scope_verify.main(["before", str(world.file), "--export", f"files={lines}"]) == 0
    lines.write_text("{}\n")
    assert scope_verify.main(["before", str(world.file), "--export", f"files={lines}"]) == 2


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000, b'{"format":"1"}', b"\xff"])
def test_what_is_no_scope_is_not_judged(world: World, data: bytes) -> None:
    """It is neither right nor wrong."""
    world.file.write_bytes(data)
    assert world.verify("root")[0] == 2


def test_a_store_that_was_not_given_is_not_judged(world: World) -> None:
    """Nothing found there is not nothing left there."""
    done = scope_verify.main(["before", str(world.file)])
    assert done == 2
    assert world.verify("after")[0] == 2


@pytest.mark.parametrize("case", WRONG)
def test_poisoned_envelopes_are_no_surprise(case: str) -> None:
    """Nothing raises, and nothing that the package calls damaged is settled."""
    data = WRONG[case][1]
    secret = SECOND.secret.reveal()
    assert scope_verify.version_outcome(data, {FIRST.fingerprint}, secret, None) in (
        "left", "damaged", "open-to-all", "missing-key",
    )  # fmt: skip


@given(content=st.binary(max_size=50), several=st.booleans())
def test_both_open_the_same(content: bytes, several: bool) -> None:
    """Two programs, one answer."""
    secret = Secret(content, "c")
    keys = [FIRST.public, SECOND.public]
    envelope = seal_for_several(secret, keys) if several else seal(secret, FIRST.public)
    read = scope_verify.envelope_in(canonical(envelope))
    again = parse(canonical(envelope))
    assert read is not None
    assert isinstance(again, Envelope)
    for key in (FIRST, SECOND):
        opened = scope_verify.opens(read, key.secret.reveal())
        assert opened is hasattr(open_envelope(again, key), "content")


def test_it_stands_alone() -> None:
    """Standard library and PyNaCl, and nothing of the package that it checks."""
    imported = {
        name
        for node in ast.walk(ast.parse(TOOL.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [one.name for one in node.names]
        )
    }
    assert {one.partition(".")[0] for one in imported} <= {*sys.stdlib_module_names, "nacl"}
