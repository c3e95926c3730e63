"""The deploys, compiled as plans are: the bytes have fingerprints, and nothing else of a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.workshop import made_by
from remediations.systems.keyfile.planned import PlannedKeyFile
from remediations.systems.keyfile.programs import install_text, put_back_text, retire_text
from tests.unit.keyfile.fake_reader import NEW, OLD, FakeReader

TEXTS = {
    "install": (install_text, "key-file-is"),
    "put_back": (put_back_text, "key-file-is"),
    "retire": (retire_text, "room-freed"),
}


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    with Compiler() as opened:
        yield opened


@pytest.mark.parametrize("name", TEXTS)
def test_the_bytes_are_those_of_the_program(compiler: Compiler, name: str, tmp_path: Path) -> None:
    """Made from host data alone; the step says how it is undone, and what tells that it is done."""
    planned: PlannedKeyFile = FakeReader(tmp_path).planned
    made = made_by(compiler)(f"keys/{name}_key_file", {"reader1": asdict(planned)})
    (step,) = made["reader1"]
    text, probe = TEXTS[name]
    assert step.payload == text(planned)
    assert step.probe[0] == probe
    assert step.undo
    assert f"old={OLD.fingerprint}\nnew={NEW.fingerprint}\n" in step.payload
