"""Real lines of the journal: they pass the host's own search, and are taken for what they are."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.symptom_rules import RULES
from remediations.systems.comet.journal_lines import (
    CAUSE_LENGTH,
    LineKind,
    Symptom,
    asked_upgrade,
    cause_of,
    named_height,
    plain_line,
    same_words,
)
from remediations.systems.comet.journal_table import PATTERN, REFUSED_PROPOSAL, TABLE, kind_of

EXAMPLES = [(kind, line) for kind in TABLE for line in kind.examples]
OTHERS = (
    'prevote step: consensus deems this block invalid; prevoting nil err="wrong Block.Header"',
    "ERR prevote step: state machine rejected a proposed block; this should not happen:the "
    "proposer may be misbehaving; prevoting nil err=null height=114 module=consensus round=7",
    'ERR failed to process message err="conflicting votes from validator CFD1003EB7FB"',
    "virtengine.service: Main process exited, code=exited, status=1/FAILURE",
    "virtengine.service: Failed with result 'exit-code'.",
)


def found_by_host(line: str) -> bool:
    """Whether the search that a host runs finds a line."""
    done = subprocess.run(
        ["grep", "-aqE", PATTERN],
        input=line.encode(),
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )
    assert done.returncode < 2
    return done.returncode == 0


def as_json(line: str) -> str:
    """A line of the console format as `log_format = "json"` writes it: the error stands before the
    message."""
    head, _, rest = line.partition(' err="')
    fields = {"level": "error"}
    if rest:
        fields["err"] = rest.partition('" module=')[0].rstrip('"')
    message = head.removeprefix("ERR ")
    return json.dumps({**fields, "module": "consensus", "message": message})


@pytest.mark.parametrize(("kind", "line"), EXAMPLES, ids=[f"{k.symptom}" for k, _ in EXAMPLES])
def test_an_example_arrives_and_is_taken_for_its_row(kind: LineKind, line: str) -> None:
    """In the console format, coloured, and in JSON."""
    coloured = f"\x1b[90m3:04PM\x1b[0m \x1b[31m{line}"
    for written in (line, coloured, as_json(line)):
        assert found_by_host(written), written
        told = kind_of(plain_line(written))
        assert told is not None
        assert told.symptom is kind.symptom, (written, told.symptom)


@pytest.mark.parametrize("line", OTHERS)
def test_what_has_no_row_arrives_too(line: str) -> None:
    assert found_by_host(line)


@pytest.mark.parametrize("line", OTHERS[:2])
def test_a_refused_proposal_proves_nothing_about_this_node(line: str) -> None:
    """It was the proposer's; in a split both sides log this line."""
    assert kind_of(line) is None
    assert found_by_host(line)
    assert REFUSED_PROPOSAL


def test_each_symptom_has_a_row_and_a_rule() -> None:
    assert {kind.symptom for kind in TABLE} == set(Symptom) == set(RULES)
    assert all(kind.meaning and kind.examples for kind in TABLE)


def test_what_a_start_cannot_cure_is_not_cured_by_one() -> None:
    """A row that proves a condition proves one that says what else is to be done, but for dead
    consensus without a cause."""
    for symptom, rule in RULES.items():
        for condition in (rule.condition, rule.together):
            if condition is not None and symptom is not Symptom.CONSENSUS_FAILURE:
                assert condition.rule.cure is None, symptom
                assert rule.by_hand or condition.rule.by_hand, symptom
    assert RULES[Symptom.CONSENSUS_FAILURE].condition is NodeCondition.ZOMBIE


def test_what_an_upgrade_announces_is_no_part_of_its_cause() -> None:
    """However long its list of programs is, the name of the upgrade can be read from the cause."""
    asked = 'UPGRADE "v2" NEEDED at height: 472'
    address = f"https://me:secret@host/ve?checksum=sha256:{'f' * 64}"
    info = json.dumps({"binaries": {"linux/amd64": address, "linux/arm64": address}})
    assert cause_of(f"ERR {asked}: {info} module=x/upgrade") == f"ERR {asked}"
    quoted = json.dumps(f"failed to apply block; error {asked}: {info}")
    wrapped = cause_of(f"ERR CONSENSUS FAILURE!!! err={quoted} module=consensus stack=x")
    assert wrapped == f"failed to apply block; error {asked}"
    assert cause_of(f"panic: {asked}: ") == f"panic: {asked}"
    logged = plain_line(json.dumps({"level": "error", "message": f"{asked}: {info}"}))
    assert cause_of(logged) == f"ERR {asked}"


@pytest.mark.parametrize("name", ["v2", "v" * 64])
def test_an_upgrade_is_named_by_the_end_of_its_cause(name: str) -> None:
    """Also where errors are wrapped so often that the middle of the cause is left out."""
    told = f'{"error in a call: " * 20}UPGRADE "{name}" NEEDED at height: 123456789: {{}}'
    cause = cause_of(f"ERR CONSENSUS FAILURE!!! err={json.dumps(told)} module=consensus")
    assert len(cause) <= CAUSE_LENGTH
    assert asked_upgrade(cause) == name
    assert asked_upgrade("panic: version does not exist") == ""


def test_a_cause_is_the_error_and_of_a_long_one_its_end() -> None:
    assert cause_of('ERR CONSENSUS FAILURE!!! err="boom: \\"x\\"" module=consensus') == 'boom: "x"'
    assert cause_of("panic: version does not exist") == "panic: version does not exist"
    long = cause_of(f'ERR CONSENSUS FAILURE!!! err="failed: {"ab " * 200}too many open files" m=1')
    assert len(long) <= CAUSE_LENGTH
    assert long.startswith("failed: ab")
    assert long.endswith("too many open files")


@pytest.mark.parametrize(
    ("line", "height"),
    [
        ('ERR UPGRADE "v12" NEEDED at height: 100: {} module=x/upgrade', 100),
        ("panic: Failed to process committed block (832362:8A9B): EOF", 832362),
        ('ERR x err="y" height=114 module=consensus', 114),
        ("ERR failed signing vote err=round regression at height 7. Got 0", 7),
        ("Error: app block height (173) is higher than core (158)", None),
        ("panic: boom", None),
    ],
)
def test_the_height_that_a_line_names(line: str, height: int | None) -> None:
    assert named_height(line) == height


def test_the_same_reason_has_the_same_words_each_time() -> None:
    first = "3:04PM ERR panic in block 114 at 0xc000123 hash 8A9B00FFEE"
    assert same_words(first) == same_words(
        "3:09PM ERR panic in block 97 at 0xc00ff hash 11112222AB"
    )
    assert same_words(first) != same_words("3:04PM ERR panic in vote 114")


@pytest.mark.parametrize("line", ["{", '{"a":', "[1]", '{"level": 3}', "{" * 5000, '{"level":[]}'])
def test_what_only_looks_like_json_is_left_as_it_is(line: str) -> None:
    assert isinstance(plain_line(line), str)


def test_a_vote_that_a_full_disk_kept_from_the_log_was_not_refused() -> None:
    """Not by the sign state either, once there is room again: the write-ahead log comes first."""
    line = (
        'ERR failed signing vote err="write /d/cs.wal/wal: no space left on device" height=5 '
        "module=consensus round=0 vote=nil-Vote"
    )
    full = kind_of(line)
    assert full is not None
    assert full.symptom is Symptom.DISK_FULL
    assert kind_of(line, {Symptom.DISK_FULL}) is None
