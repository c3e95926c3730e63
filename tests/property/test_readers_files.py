"""The files of a run, spoilt: each reader gives a value or a documented error, and so does all that
is made of them (`status`, `report`, what an approver is shown).
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from remediations.cli.anchors import Anchors
from remediations.cli.reporting import make_report, write_report
from remediations.cli.run_status import quick_status
from remediations.engine.approve.approval import consequences_text, statement_for, statement_text
from remediations.engine.observe.observation import load_observation
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.report.markdown import report_markdown
from remediations.engine.runs.journal import read_journal
from remediations.engine.runs.journal_check import check_journal
from remediations.engine.runs.records import JournalEntry, StepStarting
from remediations.engine.runs.store import RunDirectory
from remediations.errors import RemediationError
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import sealed
from remediations.values.wire import canonical
from tests.allowed import raises_only
from tests.inventories import chain_inventory, node_entry
from tests.property.mutations import Tree, changed, edited, examples, mangled, spoilt
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.report import journal

OBSERVATION, PLAN, INVENTORY = "observation.json", "plan.json", "inventory.json"
APPROVAL, CHECKS, JOURNAL = "approvals/001.json", "checks.json", "journal.jsonl"


@cache
def whole() -> dict[str, bytes]:
    """The files of a run that was applied and verified."""
    world, plan = quorum_lost(), plan_of(quorum_lost())
    inventory = chain_inventory(
        path="/etc/remediate/lab.yaml",
        chain_id=world.chain_id,
        halted_after_s=world.halted_after_s,
        ssh_config=None,
        allowed_signers="/etc/remediate/allowed_signers",
        hosts=tuple(node_entry(name=r.host, role=Role(r.role), ssh=r.host) for r in world.hosts),
    )
    return {
        OBSERVATION: canonical(sealed(world)),
        PLAN: canonical(plan),
        INVENTORY: canonical(inventory),
        APPROVAL: canonical(journal.approval(plan)),
        CHECKS: canonical(journal.checks()),
        JOURNAL: chained([told(plan, entry) for entry in journal.entries(plan)]),
    }


def told(plan: Plan, entry: JournalEntry) -> Tree:
    """A record as one of this plan: with its digest, and that of the program that ran."""
    (command,) = plan.stages[0].steps
    ran = hashlib.sha256(command.payload.encode()).hexdigest()
    event = entry.event
    if isinstance(event, StepStarting):
        event = replace(event, payload_sha256=ran)
    tree: Tree = json.loads(canonical(replace(entry, plan=plan_digest(plan), event=event)))
    return tree


def chained(records: list[Tree]) -> bytes:
    """Records as the lines of a journal: numbered, each with the hash of the line before."""
    lines, previous = [], ""
    for number, record in enumerate(records, 1):
        if isinstance(record, dict):
            record.update(number=str(number), previous=previous)
        line = written(record)
        previous = hashlib.sha256(line).hexdigest()
        lines.append(line + b"\n")
    return b"".join(lines)


def written(tree: Tree) -> bytes:
    """Canonical where that can be; numbers of JSON too large for it can be written anyhow."""
    try:
        return rfc8785.dumps(tree)
    except rfc8785.CanonicalizationError:
        return json.dumps(tree).encode()


@st.composite
def forged(draw: st.DrawFn) -> bytes:
    """A journal whose records were changed by someone who made the chain fit again."""
    records = [json.loads(line) for line in whole()[JOURNAL].splitlines()]
    if draw(st.booleans()):
        return chained(json.loads(draw(edited(json.dumps(records).encode(), 6))))
    tree = changed(draw, records, 2)
    return chained(tree if isinstance(tree, list) else [tree])


def broken(name: str) -> st.SearchStrategy[bytes]:
    """The file `name`, spoilt."""
    data = whole()[name]
    if name == JOURNAL:
        return forged() | mangled(data)
    return spoilt(data, 2) | edited(data) | edited(data, 6)


def attempt(read: Callable[[], object]) -> None:
    """Only a documented error may come out."""
    with raises_only(RemediationError):
        read()


def put(directory: str, files: dict[str, bytes]) -> RunDirectory:
    """A run of these files."""
    run = RunDirectory(Path(directory) / "20261125-120100-inc-001-e9fcfc74")
    (run.path / "approvals").mkdir(parents=True)
    for name, data in files.items():
        (run.path / name).write_bytes(data)
    return run


READERS: dict[str, Callable[[RunDirectory], object]] = {
    OBSERVATION: lambda run: (run.observation, load_observation(run.path / OBSERVATION)),
    PLAN: lambda run: (consequences_text(run.plan), statement_text(statement_for(run.plan))),
    APPROVAL: lambda run: [statement_text(given.approval.statement) for given in run.approvals],
    CHECKS: lambda run: run.checks(),
    JOURNAL: lambda run: read_journal(run.journal),
}


@given(st.data())
@examples(250)
def test_a_file_is_read_or_refused(data: st.DataObject) -> None:
    """Each reader alone, with its own file."""
    name = data.draw(st.sampled_from(sorted(READERS)))
    with tempfile.TemporaryDirectory() as directory:
        run = put(directory, {name: data.draw(broken(name) | st.binary(max_size=80))})
        attempt(lambda: READERS[name](run))


def test_each_reader_reads_what_was_not_spoilt() -> None:
    """Or the other tests here would prove nothing."""
    with tempfile.TemporaryDirectory() as directory:
        run = put(directory, whole())
        for read in READERS.values():
            read(run)
        quick_status(run, None)
        page, _ = write_report(run, Anchors(run.plan, None))
        assert page is not None
        assert page.exists()


@given(st.data())
@examples(50)
def test_a_run_has_a_standing_and_a_report_or_a_documented_error(data: st.DataObject) -> None:
    """One or two of its files spoilt, or gone."""
    files = dict(whole())
    for name in data.draw(st.sets(st.sampled_from(sorted(files)), min_size=1, max_size=2)):
        if data.draw(st.integers(0, 5)) == 0:
            del files[name]
        else:
            files[name] = data.draw(broken(name))
    with tempfile.TemporaryDirectory() as directory:
        run = put(directory, files)
        attempt(lambda: quick_status(run, None))
        attempt(lambda: write_report(run, Anchors(run.plan, None)))
        attempt(lambda: report_markdown(make_report(run, Anchors(run.plan, None))))


@given(forged() | mangled(whole()[JOURNAL]))
@example(b"[" * 200_000 + b"\n")
@example(b"\xed\xa0\x80\n")
@examples(100)
def test_both_judges_of_a_journal_end(data: bytes) -> None:
    """Nobody's forgery fails the reader, nor the stand-alone checker, which has no errors at all:
    what is wrong stands in its report."""
    check_journal(data)
    with tempfile.TemporaryDirectory() as directory:
        run = put(directory, {JOURNAL: data})
        attempt(lambda: read_journal(run.journal))
