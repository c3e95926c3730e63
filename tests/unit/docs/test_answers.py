"""What commands print with --json is what docs/json.md says, and fits its schema."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from remediations.cli import proof
from remediations.cli.anchors import Anchors
from remediations.cli.commands.inventory import answer
from remediations.cli.commands.schema import document_types, part_types, result_types
from remediations.cli.main import COMMANDS
from remediations.cli.output import CommandResult
from remediations.engine.observe.observation import load_observation
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.store import find_run
from remediations.engine.verify.given import Given
from remediations.errors import ExitCode
from remediations.playbooks.chain.discover.discover import inventory_for
from remediations.playbooks.chain.discover.found import DiscoveredChain
from remediations.systems.comet.reading import comet_reading
from remediations.values.wire import canonical
from tests.inventories import node_entry
from tests.unit.cli.desk import remediate
from tests.unit.docs.documents import Json
from tests.unit.docs.pages import blocks, prose
from tests.unit.docs.reader import Reader
from tests.unit.docs.test_schema import validator, written
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.report import journal as recorded
from tests.unit.report.journal import checks
from tests.unit.run.events import began

MEMBERS = "## What commands print"
ROW = re.compile(r"^\| `([^|]+)` \| (.+) \|$", re.MULTILINE)
WORD = re.compile(r"`([a-z_]+)`")


def said_of(command: str) -> set[str]:
    """The members that the page names for a command."""
    table = prose("docs/json.md").partition(MEMBERS)[2]
    for names, members in ROW.findall(table):
        if command in names.split("`, `"):
            return set(WORD.findall(members)) - {"null"}
    raise AssertionError(f"docs/json.md does not tell what {command} prints")


def result(reader: Reader, line: str, code: ExitCode = ExitCode.OK) -> Json:
    """The `result` of a command, its answer proven to fit the schema of answers."""
    done = remediate(*reader.types(("remediate", *line.split())), "--json")
    assert done.code == code, done.out
    validator("answer").validate(done.document)
    return of_its_schema(line.split()[0], done.document["result"])


def of_its_schema(command: str, document: Json) -> Json:
    """The result of a command, which fits the published schema, if it has one of its own name."""
    if f"result-{command}/1" in result_types() and "branches" not in document:
        validator(f"result-{command}/1").validate(document)
    return document


def document_of(told: CommandResult) -> object:
    return told.document


@pytest.fixture
def planned(reader: Reader) -> Json:
    """The answer of `plan`; it left a run."""
    return result(reader, "plan INC-001 --from seen.json", ExitCode.CHANGES_PENDING)


def test_plan_show_and_approve(reader: Reader, planned: Json) -> None:
    """A plan is printed whole by `plan` and `show`; `approve` prints the approval."""
    assert set(planned) == said_of("plan") - {"finding"}
    shown = result(reader, "show last")
    assert set(shown) == said_of("show")
    assert shown["plan"] == planned["plan"]
    validator("plan").validate(shown["plan"])
    approved = result(reader, "approve last --key KEY")
    assert set(approved) == said_of("approve")
    validator("approval").validate(approved["approval"])
    counted = result(reader, "approvals last")
    assert set(counted) == said_of("approvals")
    validator("tally").validate(counted["tally"])
    exported = result(reader, "export last")
    assert set(exported) == said_of("export")
    validator("manifest").validate(exported["manifest"])
    imported = result(reader, f"import {exported['file']}")
    assert set(imported) == said_of("import")
    run = find_run("last")
    validator("inventory").validate(json.loads((run.path / "inventory.json").read_bytes()))
    validator("observation").validate(written(run.observation))


def test_all_branches(reader: Reader) -> None:
    """What could be done, and no run."""
    told = result(reader, "plan --all --from seen.json", ExitCode.CHANGES_PENDING)
    assert set(told) == said_of("plan --all")
    validator("plan-all").validate(told)


def test_nothing_to_do(reader: Reader) -> None:
    """Then there is a finding and no plan."""
    told = result(reader, "plan INC-001 --from healthy.json")
    assert set(told) == said_of("plan")
    assert told["plan"] is None
    validator("finding").validate(told["finding"])


def test_diagnose(reader: Reader) -> None:
    """One finding for each domain, with the domain's own value in the form of its kind."""
    told = result(reader, "diagnose --from seen.json", ExitCode.CHANGES_PENDING)
    validator("diagnosis").validate(told)
    (one,) = told
    assert set(one) == said_of("diagnose")
    assert one["finding"]["domain"] == "chain"
    validator(one["detail"]["kind"]).validate(one["detail"]["value"])


def test_diff(reader: Reader) -> None:
    """What changed, by its schema."""
    told = result(reader, "diff healthy.json seen.json", ExitCode.CHANGES_PENDING)
    validator("diff").validate(told)
    assert set(told) == said_of("diff")
    assert set(told["readings"][0]) <= set(WORD.findall(prose("docs/json.md")))


def test_whatif(reader: Reader) -> None:
    """One projection for each domain."""
    told = result(reader, "whatif --stop val4 --from healthy.json")
    validator("whatif").validate(told)
    (one,) = told
    assert set(one) == said_of("whatif")


def test_status_and_report(reader: Reader, planned: Json) -> None:
    """A list of runs, one run with its commands, and the whole report."""
    one = result(reader, "status last")
    assert set(one) == said_of("status")
    (row,) = result(reader, "status")
    assert set(row) == said_of("status") - {"holds", "steps", "approved_by", "doubts"}
    report = result(reader, "report last")
    assert set(report) == said_of("report")
    validator("report").validate(report["report"])


def test_proof(reader: Reader, planned: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    """`apply` ends with what `verify` prints."""
    run = find_run("last")
    anchors = Anchors(run.plan, reader.inventory)
    given = Given(run.plan, anchors.inventory, anchors.resolver)
    with closing(Journal(run.journal, run.digest)) as journal:
        journal.append(began())
    monkeypatch.setattr(proof, "run_checks", lambda *_arguments, **_options: checks())
    told = written(document_of(proof.prove(run, given, Path(), anchors, quiet=True)))
    assert set(told) == said_of("verify") == said_of("apply")
    for command in ("apply", "resume", "verify"):
        of_its_schema(command, told)
    validator("checks").validate(told["checks"])


def test_first_contact(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of `doctor`, here without an inventory, and a proposal."""
    monkeypatch.delenv("REMEDIATE_INVENTORY")
    told = result(reader, "doctor", ExitCode.CHANGES_PENDING)
    assert set(told) == said_of("doctor")
    for line in told["lines"]:
        validator("doctor-line").validate(line)
    world = comet_reading(load_observation(reader.seen))
    hosts = tuple(node_entry(name=r.host, role=r.role, ssh=r.host) for r in world.hosts)
    found = DiscoveredChain(world, inventory_for(hosts, None))
    proposed = of_its_schema("inventory", written(document_of(answer(found, None, None))))
    assert set(proposed) == said_of("inventory discover")
    validator("proposal").validate(proposed["proposal"])


def test_what_is_installed(reader: Reader) -> None:
    """The small ones."""
    found = result(reader, "list")
    playbook = found["playbooks"][0]
    assert {*found, *playbook, *playbook["branches"][0]} == said_of("list")
    assert set(result(reader, "completion bash")) == said_of("completion")
    assert set(result(reader, "path probe")) == {"probe"}
    (rule,) = result(reader, "explain G29")
    assert set(rule) == said_of("explain")
    rules = result(reader, "alerts scoring")
    assert {*rules, *rules["alerts"][0]} == said_of("alerts")
    listed, one = result(reader, "schema"), result(reader, "schema plan")
    assert {*listed[0], *one} == said_of("schema")
    assert [row["name"] for row in listed] == [
        *document_types(),
        *result_types(),
        *part_types(),
    ]


def test_every_command_has_a_schema() -> None:
    """Its own, or a document's."""
    documents = {"diagnose", "diff", "whatif"}
    own = {name.removeprefix("result-").partition("/")[0] for name in result_types()}
    assert own == {*COMMANDS} - documents


def test_an_error_is_told_as_the_page_tells_it(reader: Reader) -> None:
    """Also where nothing was understood."""
    for line, code in (
        ("show yesterday", ExitCode.USAGE),
        ("diagnose --form x", ExitCode.USAGE),
        ("plan INC-001 --from full1-down.json", ExitCode.REFUSED),
    ):
        done = remediate(*line.split(), "--json")
        assert done.code == code, done.out
        validator("answer").validate(done.document)
        validator("error").validate(done.document["error"])


def test_every_command_and_every_document_is_told() -> None:
    """No row is missing, and none is of something that does not exist."""
    page = prose("docs/json.md")
    for command in COMMANDS:
        said_of("inventory discover" if command == "inventory" else command)
    head = page.partition(MEMBERS)[0]
    named = re.findall(r"^\| [^|]+ \| `([a-z-]+)` \|", head, re.MULTILINE)
    assert named == list(document_types())


def test_every_kind_of_part_is_told() -> None:
    """Those that come with this package, and no others."""
    section = prose("docs/json.md").partition("## Parts")[2].partition(MEMBERS)[0]
    told = re.findall(r"`([a-z]+\.[a-z-]+/[0-9]+)`", section)
    assert sorted(told) == sorted(part_types())


def test_what_is_read_out_of_a_journal(tmp_path: Path) -> None:
    """The page's own lines for jq find something in every record that they ask for."""
    lines = [canonical(entry) + b"\n" for entry in recorded.entries(plan_of(quorum_lost()))]
    (tmp_path / "journal.jsonl").write_bytes(b"".join(lines))
    asked = [
        line
        for block in blocks("docs/json.md")
        for line in block.text.splitlines()
        if line.startswith("jq ")
    ]
    assert len(asked) == 4
    for line in asked:
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
        assert "null" not in done.stdout
