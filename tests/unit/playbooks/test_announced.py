"""The hash of an upgrade's program, held against the one that the upgrade announces."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Outcome
from remediations.systems.comet.announced import Announced, AnnouncedFile
from tests import worlds
from tests.unit.playbooks.test_install import (
    BLOCK,
    NEW,
    NOT_READ,
    PASS,
    UNKNOWN,
    UPGRADE,
    Change,
    branch,
    chosen,
    everywhere,
    judged,
    panicked,
)


def announced(*files: AnnouncedFile, upgrade: str = "v2") -> Change:
    """What the upgrade-info.json of a host announces."""
    told = Announced(upgrade=upgrade, platform="linux/amd64", files=files)
    return lambda reading: replace(reading, announced=worlds.known(told))


def download(sha256: str, platform: str = "linux/amd64", *, archive: bool = False) -> AnnouncedFile:
    return AnnouncedFile(platform=platform, archive=archive, sha256=sha256)


@pytest.mark.parametrize(
    ("change", "outcome", "got"),
    [
        (announced(download("f" * 64)), BLOCK, f"chosen is {NEW}"),
        (announced(download(NEW)), PASS, f"chosen is {NEW}"),
        (announced(download("f" * 64, archive=True)), PASS, "that of an archive"),
        (
            announced(download("f" * 64, "linux/arm64")),
            PASS,
            "no SHA-256 is announced for linux/amd",
        ),
        (announced(), PASS, "no SHA-256 is announced for linux/amd64"),
        (announced(download("f" * 64), upgrade="v1"), PASS, "of v1, for which nobody waits"),
        (lambda reading: reading, PASS, "no upgrade-info.json"),
        (lambda reading: replace(reading, announced=NOT_READ), UNKNOWN, "permission denied"),
    ],
    ids=["other", "same", "archive", "platform", "none", "older", "absent", "not read"],
)
def test_the_hash_is_the_announced_one(change: Change, outcome: Outcome, got: str) -> None:
    """G111: where one is announced for this upgrade and platform; else the plan warns."""
    world = everywhere(panicked(line=UPGRADE), change, "val1")
    chain = chosen(world)
    result = judged(chain)["G111", "val1"]
    assert result.outcome is outcome
    assert got in result.got
    if outcome is BLOCK:
        assert result.expected == "f" * 64
    warned = [w for w in branch(chain).propose(chain).warnings if "for people to know" in w]
    compared = got == f"chosen is {NEW}"
    assert any("val1" in warning for warning in warned) is not compared


@pytest.mark.parametrize("address", ["https://host/ve", f"https://{'h' * 200}/ve"])
def test_a_line_that_has_the_announcement_names_the_upgrade(address: str) -> None:
    """As nodes write it: the list of programs is in the line itself, longer than a screen."""
    programs = {"linux/amd64": f"{address}?checksum=sha256:{'f' * 64}"}
    line = UPGRADE.replace("{}", json.dumps({"binaries": programs}))
    chain = chosen(everywhere(panicked(line=line), announced(download("f" * 64)), "val1"))
    assert judged(chain)["G111", "val1"].outcome is BLOCK
    assert "upgrade v2" in branch(chain).propose(chain).title


def test_an_upgrade_that_no_line_names_is_that_of_the_file() -> None:
    """The application wrote it when it asked."""
    world = panicked(line="binary not present, downloading disabled: stat /d: no such file")
    chain = chosen(everywhere(world, announced(download("f" * 64)), "val1"))
    assert judged(chain)["G111", "val1"].outcome is BLOCK
