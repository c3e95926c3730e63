"""The engine and the command line know no domain: not one word of a chain, a cluster or a queue.

Names are read word by word (`HaltedAfter`, `chain_id`), so is every comment, message and template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.unit.test_house import ROOT

ROOMS = ("engine", "cli", "alerts", "slo", "oncall")
"""Rooms that serve every domain alike. Those that are not there yet are read from their first
file on."""
DOMAIN = frozenset(
    {
        *("validator", "quorum", "chain", "blockchain", "height", "halted", "mempool", "peer"),
        *("comet", "cometbft", "tendermint", "cosmos", "virtengine", "wal"),
        *("pod", "kubectl", "kubernetes", "replica", "deployment"),
        *("slurm", "slurmctld", "sinfo", "squeue", "scontrol"),
    }
)
PHRASES = ("voting power", "sign state", "app hash")
"""Of words that mean nothing of the kind each by itself."""

_NAME = re.compile(r"[A-Za-z]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

OTHER_SENSE: Mapping[str, frozenset[str]] = {
    "engine/__init__.py": frozenset({"chain"}),  # what the engine does not know
    "engine/plan/plan.py": frozenset({"replica"}),  # an example of a measure
    "engine/report/plot.py": frozenset({"height"}),  # of a picture
    "engine/report/plot_checks.py": frozenset({"height"}),
    "engine/report/plot_frame.py": frozenset({"height"}),
    "engine/report/templates/base.html": frozenset({"height"}),
    "engine/runs/journal.py": frozenset({"chain"}),  # of records, each with the hash before it
    "engine/runs/journal_check.py": frozenset({"chain"}),
    "cli/main.py": frozenset({"chain", "virtengine"}),  # what the whole program is for
}
"""Words that mean something else where they stand."""


def words_of(text: str) -> frozenset[str]:
    """The words of a domain in a text, in the singular, whatever the case."""
    words = [found.casefold() for found in _WORD.findall(text)]
    every = {*words, *(found.casefold() for found in _NAME.findall(text))}
    told = {one for word in every for one in (word, word.removesuffix("s")) if one in DOMAIN}
    sentence = f" {' '.join(words)} "
    return frozenset(told | {phrase for phrase in PHRASES if f" {phrase} " in sentence})


def found() -> dict[str, frozenset[str]]:
    """The words of a domain in each file of the rooms that has some."""
    package = ROOT / "remediations"
    files = (file for room in ROOMS for file in sorted((package / room).rglob("*")))
    told = {
        str(file.relative_to(package)): words_of(file.read_text(encoding="utf-8"))
        for file in files
        if file.is_file() and "__pycache__" not in file.parts
    }
    return {name: words for name, words in told.items() if words}


def test_no_file_of_the_engine_knows_a_domain() -> None:
    """What means something else where it stands is on a list, in public."""
    told = {name: words - OTHER_SENSE.get(name, frozenset()) for name, words in found().items()}
    assert {name: set(words) for name, words in told.items() if words} == {}


def test_no_word_is_excused_that_is_not_there() -> None:
    """An excuse that outlives its word would cover the next one."""
    there = found()
    idle = {
        name: words - there.get(name, frozenset())
        for name, words in OTHER_SENSE.items()
        if words - there.get(name, frozenset())
    }
    assert idle == {}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("from remediations.playbooks.chain import halted", "chain"),
        ("class ChainClass(StrEnum):", "chain"),
        ("HALTED_AFTER_S = 60", "halted"),
        ("online_power: int  # voting power", "voting power"),
        ("def voting_power(self) -> int:", "voting power"),
        ('role = "validator"', "validator"),
        ("all Validators of the set", "validator"),
        ("needs_quorum", "quorum"),
        ('["kubectl", "get", "pods"]', "pod"),
        ("/* CometBFT */", "comet"),
    ],
)
def test_word_of_a_domain_would_be_found(text: str, word: str) -> None:
    assert word in words_of(text)


@pytest.mark.parametrize(
    "text", ["the unchained block", "podium", "power of two", "in good order", "a hash", "states"]
)
def test_other_words_are_left_alone(text: str) -> None:
    assert words_of(text) == frozenset()
