"""The domain in docs/writing-a-domain.md, installed as it stands there, through every command.

No file of the engine knows a lamp: whatever these tests show works for a domain of anybody.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from remediations.engine.runs.journal import read_journal
from tests.unit.docs.lamps import PAGE, Desk, Done, install
from tests.unit.docs.pages import written
from tests.unit.docs.reader import missing_lines

SCREENS = [c for c in written() if c.page == PAGE and c.words[0] == "remediate"]
EXITS = {"diagnose": 3, "plan": 3}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the package of the page was installed into."""
    return install(tmp_path_factory.mktemp("acme"))


@pytest.fixture
def desk(tmp_path: Path, site: Path) -> Desk:
    return Desk(tmp_path, site)


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory, site: Path) -> Desk:
    """A desk at which one plan was applied, and nothing is changed any more."""
    desk = Desk(tmp_path_factory.mktemp("applied"), site)
    desk.approved()
    done = desk.types("apply last")
    assert done.code == 0, done.err
    return desk


def test_its_screens_are_real(desk: Desk) -> None:
    """From the diagnosis to the report, in the order of the page; the lamp is lit by it."""
    assert [c.words[1] for c in SCREENS] == [
        *("diagnose", "plan", "show", "approve", "apply", "status", "verify", "report", "explain"),
        "alerts",
    ]
    for command in SCREENS:
        done = desk.types(" ".join(command.words[1:]))
        assert done.code == EXITS.get(command.words[1], 0), done.err
        assert command.shown
        assert missing_lines(command.shown, done.out) == [], command
    assert desk.says("hall") == "lit 1"
    assert desk.types("diagnose").code == 0
    assert "nothing to do" in desk.types("plan dark").out


def test_all_json_of_it_can_be_read(applied: Desk) -> None:
    """The finding is its own, with the part in its own terms beside it."""
    (told,) = applied.types("diagnose --json").result
    assert told["finding"]["verdict"] == "lit"
    assert told["detail"]["kind"] == "lamp.room/1"
    assert told["explained_by"] == []
    plan = applied.types("show last --json").result["plan"]
    assert [step["target"] for step in plan["stages"][0]["steps"]] == ["hall"]
    assert plan["stages"][0]["gate"]["asks"] == {
        "kind": "lamp.shines/1",
        "value": {"lamp": "hall"},
    }
    assert plan["origin"]["distribution"] == "acme-lamp"


def test_its_guard_blocks_and_unknown_blocks_too(desk: Desk) -> None:
    """Exit 4, no bytes, no run; what the guard says can be looked up."""
    for says, got in (("out", "out"), ("?", "unknown")):
        desk.fuse(says)
        refused = desk.types("plan dark --json")
        assert refused.code == 4
        (guard,) = refused.result["plan"]["guards"]
        assert (guard["id"], guard["subject"], guard["got"]) == ("FUSE", "hall", got)
        assert refused.result["plan"]["stages"] == []
        assert refused.result["run"] is None
    assert "Without a fuse a switch does nothing" in desk.types("explain FUSE").out


def test_what_changed_since_the_approval_is_not_acted_on(desk: Desk) -> None:
    """Exit 6, the lamp stays as it is, and nothing was claimed."""
    desk.approved()
    desk.fuse("out")
    done = desk.types("apply last --json")
    assert done.code == 6
    assert "fuse: planned in, now out" in done.error["got"]
    assert desk.says("hall") == "dark 1"
    assert desk.claims == []


def test_room_that_is_not_configured_any_more_is_a_world_that_changed(desk: Desk) -> None:
    """The domain has nothing in what is read now: that is said, and is not a crash."""
    desk.approved()
    done = desk.types("apply last --json", room=False)
    assert done.code == 6, done.err
    assert "lamp: planned observed, now nothing of it was read" in done.error["got"]
    assert desk.says("hall") == "dark 1"


def test_lamps_can_be_limited(desk: Desk) -> None:
    """Targets are those of the domain, not hosts of the inventory."""
    desk.lamp("cellar", "dark 0")
    plan = desk.types("plan dark --limit cellar --json").result["plan"]
    assert [step["target"] for stage in plan["stages"] for step in stage["steps"]] == ["cellar"]
    wrong = desk.types("plan dark --limit attic --json")
    assert wrong.code == 2
    assert wrong.error["got"] == "attic"


def test_people_choose_how_it_is_lit(desk: Desk) -> None:
    """What was chosen is in the bytes, shown, and used when the plan is made again to compare."""
    planned = desk.types("plan dark --pause 01 --json").result["plan"]
    assert planned["inputs"] == [{"name": "pause", "value": "1"}]
    assert planned["stages"][0]["steps"][0]["payload"].startswith("sleep 2 &&")
    signed = desk.types("approve last --key KEY --yes")
    assert signed.code == 0, signed.err
    assert "--pause 1" in signed.out
    done = desk.types("apply last")
    assert done.code == 0, done.err
    assert desk.says("hall") == "lit 1"
    assert "--pause 1" in desk.types("show last", installed=False).out


def test_wrong_choices_are_told_with_what_there_is(desk: Desk) -> None:
    """Exit 2, from its own words where the package has them."""
    for words, expected in (
        ("dark --pause 11", "SECONDS: a whole number, 0 to 10"),
        ("dark --puase 1", "dark takes --pause SECONDS"),
        ("INC-001 --pause 1", "--program SHA256"),
    ):
        done = desk.types(f"plan {words} --json")
        assert done.code == 2, done.err
        assert expected in done.error["expected"]
    assert "--pause SECONDS" in desk.types("plan --help").out
    assert "--pause SECONDS: Wait before each lamp is lit." in desk.types("list").out


def test_lamp_that_cannot_be_read_is_unknown(desk: Desk) -> None:
    """And not well: exit 11."""
    desk.lamp("hall", "flickers")
    done = desk.types("diagnose --json")
    assert done.code == 11
    assert done.result[0]["finding"]["health"] == "unknown"


def sick(site: Path, tmp_path: Path, module: str, well: str, ill: str) -> Path:
    """The same package with a fault in it."""
    copy = tmp_path / "sick"
    shutil.copytree(site, copy)
    file = copy / "acme_lamp" / module
    assert well in file.read_text()
    file.write_text(file.read_text().replace(well, ill))
    return copy


def test_system_that_fails_is_named_and_hides_nobody(desk: Desk, tmp_path: Path) -> None:
    """What it would have read is unknown: exit 11, and no plan is made from it."""
    desk.site = sick(
        desk.site, tmp_path, "room.py", "return [read_room", "return [1 / 0, read_room"
    )
    nobody = desk.types("diagnose --json --save seen.json")
    assert (nobody.code, nobody.error["guard"]) == (11, "login")
    assert "lamp: ZeroDivisionError" in nobody.error["got"]
    done = desk.types("diagnose --json --from seen.json")
    assert done.code == 11, done.err
    (told,) = done.result
    assert told["finding"]["verdict"] == "not-read"
    assert "ZeroDivisionError" in told["finding"]["explanation"]
    refused = desk.types("plan dark --json --from seen.json")
    assert (refused.code, refused.error["guard"]) == (2, "domain")


def test_plan_that_could_not_be_read_again_is_not_made(desk: Desk, tmp_path: Path) -> None:
    """A package with a value of another type: it is named, before a run is made of it."""
    desk.site = sick(desk.site, tmp_path, "evening.py", "weight=None", 'weight="none"')
    done = desk.types("plan dark --json")
    assert done.code == 4, done.err
    assert done.error["guard"] == "form of the plan"
    assert "acme-lamp 1.0" in done.error["next"]
    assert not (desk.path / "state" / "runs").exists()


GENERIC = (
    "status",
    "status last",
    "show last",
    "show last --verbose",
    "show last --as markdown",
    "show last --as html",
    "show last --json",
    "report last",
    "report last --json",
)


@pytest.mark.parametrize("line", GENERIC)
def test_run_can_be_read_where_the_package_is_not_installed(applied: Desk, line: str) -> None:
    """And says the same as where it is."""
    there, elsewhere = applied.types(line), applied.types(line, installed=False)
    assert elsewhere.code == 0, elsewhere.err
    assert ageless(elsewhere) == ageless(there)


def ageless(done: Done) -> Done:
    """Without how old things are: the two are some seconds apart."""
    out, err = (re.sub(r"\b[0-9]+ (s|min|h) ago", "AGE ago", text) for text in (done.out, done.err))
    return replace(done, out=out, err=err)


def test_its_report_goes_on_to_the_end_of_its_checks(applied: Desk) -> None:
    """With the looks that its checks hand on, by the same series as those of the run."""
    report = applied.types("report last --json").result["report"]
    proof = report["proof"]
    assert [end["id"] for end in proof["verification"]["checks"]] == ["S1", "S2"]
    (series,) = {
        tuple((point["series"], point["subject"]) for point in sample["sight"]["points"])
        for sample in (*report["samples"], *proof["samples"])
    }
    assert series == (("light", "hall"), ("light", "porch"), ("lamps lit", ""))
    assert proof["samples"][-1]["sight"]["headline"] == "2 of 2 lit"


def test_journal_of_a_foreign_domain_is_checked(applied: Desk, tmp_path: Path) -> None:
    """Read whole, with steps and looks of it; a changed byte is noticed without the package."""
    (journal,) = applied.path.glob("state/runs/*/journal.jsonl")
    kinds = {type(entry.event).__name__ for entry in read_journal(journal)}
    assert {"RunBegan", "StepEnded", "GateEnded", "Sampled", "Checked"} <= kinds
    whole = journal.read_bytes()
    try:
        journal.write_bytes(whole.replace(b'"2 of 2 lit"', b'"0 of 2 lit"'))
        noticed = applied.types("status last --json", installed=False)
    finally:
        journal.write_bytes(whole)
    assert noticed.code == 2


def test_plan_can_be_approved_where_the_package_is_not_installed(desk: Desk) -> None:
    """Who signs needs the bytes, and no code; who applies needs both."""
    assert desk.types("plan dark").code == 3
    signed = desk.types("approve last --key KEY --yes", installed=False)
    assert signed.code == 0, signed.err
    assert "light hall" in signed.out
    refused = desk.types("apply last --json", installed=False)
    assert_names_the_package(refused)
    assert desk.says("hall") == "dark 1"
    assert desk.types("apply last").code == 0
    assert desk.says("hall") == "lit 1"


def test_verify_refuses_by_name_where_the_package_is_not_installed(applied: Desk) -> None:
    assert_names_the_package(applied.types("verify last --json", installed=False))


def assert_names_the_package(done: Done) -> None:
    assert done.code == 2
    assert "dark / light of acme-lamp 1.0" in done.error["expected"]
    assert "pip install acme-lamp==1.0" in done.error["next"]


def test_inventory_that_concerns_nobody_is_not_well(desk: Desk) -> None:
    """No room here: neither the chain nor the lamp has anything to say, which is said."""
    seen = desk.path / "seen.json"
    assert desk.types(f"diagnose --save {seen}", room=False).code == 11
    done = desk.types(f"diagnose --from {seen} --json", room=False)
    assert done.code == 2
    assert done.error["guard"] == "domain"
    assert "lamp: a room in which a lamp is dark" in done.error["expected"]
    named = desk.types(f"diagnose lamp --from {seen} --json")
    assert (named.code, named.error["guard"]) == (2, "domain")
    planned = desk.types(f"plan dark --from {seen} --json")
    assert (planned.code, planned.error["guard"]) == (2, "domain")


def test_domain_that_fails_does_not_hide_the_others(desk: Desk) -> None:
    """Two domains are concerned, and one has a part that it cannot read."""
    seen = desk.path / "seen.json"
    assert desk.types(f"diagnose --save {seen}").code == 3
    saved = json.loads(seen.read_text())
    (part,) = (part for part in saved["parts"] if part["kind"] == "comet.reading/1")
    part["value"]["hosts"][0]["role"] = "validator"
    del part["value"]["hosts"][0]["wal"]
    seen.write_text(json.dumps(saved))
    done = desk.types(f"diagnose --from {seen} --json")
    assert done.code == 3, done.err
    assert [one["finding"]["verdict"] for one in done.result] == ["dark", "not-concluded"]
