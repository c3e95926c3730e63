"""What clones came to, and what follows from it."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace

import pytest

from remediations.engine.plan.plan import ChosenInput
from remediations.engine.plan.rehearsal import Agreement
from remediations.playbooks.chain.baseline import EXPECT_HASH
from remediations.playbooks.chain.copies import DIFFERS_IN
from remediations.playbooks.chain.rehearse import (
    Trial,
    judge_sides,
    judge_trials,
    read_trial,
    rehearse,
)
from remediations.reach.connection import Completed, Connection, HostUnreachable
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.reading import CometReading
from remediations.values.login import Login
from tests import worlds
from tests.unit.model import test_module_hashes as stores
from tests.unit.plan.cases import case_of
from tests.unit.playbooks.test_stores import ONE
from tests.unit.playbooks.test_stores import OTHER as OTHER_STORES
from tests.worlds import HEIGHT, app_hash_at, healthy

BEFORE = app_hash_at(HEIGHT - 1)
STATE, OTHER = "AB" * 32, "CD" * 32
NODE = PlannedNode(
    unit="ve.service", home="/srv/ve", user="ve", address="", sign_height=0, sign_round=0,
    sign_step=0, stands_at=HEIGHT, header_hash=BEFORE,
)  # fmt: skip


def app(height: int = HEIGHT, state: str = STATE) -> str:
    """An answer of `/abci_info`."""
    packed = base64.b64encode(bytes.fromhex(state)).decode()
    response = {"data": "ve", "last_block_height": str(height), "last_block_app_hash": packed}
    return json.dumps({"result": {"response": response}})


def printed(state: str = STATE, *, height: int = HEIGHT, said: str = "") -> str:
    """What a host prints where all went well."""
    line = said or f"noise Rolled back state to height {HEIGHT - 1} and hash {BEFORE}"
    told = (f"said {line}", f"app {app(height, state)}", "took 3 s, 188 KiB")
    return "".join(f"rehearsal: {one}\n" for one in told)


def split() -> CometReading:
    return worlds.split(healthy(), ("val1",), ("val2", "val3", "val4", "full1"))


def trials(**states: str) -> list[Trial]:
    hosts = case_of(split()).proposal.targets
    return [Trial(host=h, app_hash=states.get(h, STATE), says="x") for h in hosts]


def test_a_clone_that_executed_the_block() -> None:
    """Height and hash of both halves are those that they have to be."""
    trial = read_trial(NODE, "val1", printed())
    assert (trial.app_hash, trial.says) == (STATE, f"{STATE[:12]}… (3 s, 188 KiB)")


def test_what_the_program_tells_of_its_stores() -> None:
    """Before it has to give the state that the node has, afterwards the one it came to."""
    node = replace(NODE, stands_at=stores.HEIGHT)
    told = "".join(
        f"rehearsal: stores-{when} {stores.answer()}" for when in ("before", "after")
    ) + printed(stores.APP_HASH, height=stores.HEIGHT).replace(
        f"height {HEIGHT - 1} ", f"height {stores.HEIGHT - 1} "
    )
    trial = read_trial(node, "val1", told.replace("\n{", " {"), had=STATE)
    assert trial.after.hashes is not None
    assert "do not give the app hash" in trial.before.reason


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("", "it said nothing"),
        ("rehearsal: failed no overlay\n", "no overlay"),
        (printed(said="Rolled back state to height 3 and hash AA"), "height 3 and hash AA"),
        (printed(said="unknown command"), "unknown command"),
        (printed(height=HEIGHT - 1), f"block {HEIGHT} was not executed"),
        (f"rehearsal: said Rolled back state to height {HEIGHT - 1} and hash {BEFORE}\n"
         "rehearsal: app \nrehearsal: ended panic: boom\n", "panic: boom"),
        (printed().replace('"result"', '"error"'), "was not executed"),
    ],
)  # fmt: skip
def test_a_clone_that_did_not(output: str, says: str) -> None:
    """What was not carried to its end has no hash, and says why."""
    trial = read_trial(NODE, "val1", output)
    assert trial.app_hash == ""
    assert says in trial.says


def test_all_come_to_one_state() -> None:
    """The plan is made with it."""
    found = judge_trials(case_of(split()).chain, trials())
    assert found.passed
    assert "100 of 100 power" in found.says
    assert found.inputs == (ChosenInput(name=EXPECT_HASH, value=STATE),)


def test_states_that_would_differ_again() -> None:
    """Nobody is stopped for that."""
    found = judge_trials(case_of(split()).chain, trials(val1=OTHER))
    assert not found.passed
    assert found.inputs == ()
    assert "val1 (40 of 100 power): CDCDCDCDCDCD…" in found.says
    assert "mend it there" in found.next_step


def test_the_store_that_differs_is_named() -> None:
    """Before and after, and it is no matter for passing what a program does not tell."""
    case = case_of(split())
    hosts = case.proposal.targets
    found = judge_trials(
        case.chain,
        [
            Trial(host=h, app_hash=STATE, says="x", after=ONE, before=OTHER_STORES if i else ONE)
            for i, h in enumerate(hosts)
        ],
    )
    assert found.passed
    before, after, runs = found.compared
    assert "store acc: " in before.says
    assert (after.agreement, runs.agreement) == (Agreement.SAME, Agreement.DIFFERENT)
    silent = judge_trials(case.chain, trials())
    assert silent.passed
    assert {one.agreement for one in silent.compared} == {Agreement.UNKNOWN}


def test_one_that_could_not_be_tried_does_not_agree() -> None:
    """Unknown is not yes."""
    found = judge_trials(case_of(split()).chain, trials(val3=""))
    assert not found.passed
    assert found.says.startswith("val3 could not be tried")
    assert [t.target for t in found.targets if not t.tried] == ["val3"]


def test_those_that_keep_their_state_count() -> None:
    """Whoever is named has to come to the state of the others."""
    case = case_of(split(), only=["val1"])
    kept = next(c.app_hash for c in case.finding.clusters if "val2" in c.hosts)
    for state, passed in ((kept, True), (OTHER, False)):
        one = [Trial(host="val1", app_hash=state, says="x")]
        assert judge_trials(case.chain, one).passed is passed


class Clones:
    """Hosts that print what their clones came to; one is not reached."""

    host = ""

    def __init__(self, gone: str = "", height: int = HEIGHT) -> None:
        self._gone = gone
        self._height = height
        self.commands: list[str] = []

    async def connect(self, host: str) -> Connection:
        if host == self._gone:
            raise HostUnreachable(
                f"{host}: no", guard="TCP", got="x", expected="y", next_step="ssh"
            )
        return self

    async def login(self, host: str) -> Login:
        return Login(host=host, hops=(), trouble="none")

    async def run(
        self, command: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int = 0
    ) -> Completed:
        self.commands.append(command)
        return Completed(
            exit_status=0, stdout=printed(height=self._height).encode(), stderr=b"", duration_ms=1,
            truncated=False, timed_out=False,
        )  # fmt: skip


@pytest.mark.parametrize("gone", ["", "val2"])
def test_every_target_is_tried(gone: str) -> None:
    """At once, as root, bounded in time."""
    case, clones = case_of(split()), Clones(gone)
    found = asyncio.run(rehearse(case.chain, case.proposal, clones))
    assert found.passed is (not gone)
    assert len(clones.commands) == 5 - bool(gone)
    assert all(c.startswith("sudo -n timeout -k 5 900 /bin/sh -c ") for c in clones.commands)


def test_the_sides_of_a_split_are_compared_before_one_is_adopted() -> None:
    """The first store that differs goes into the plan; nothing that a program does not tell keeps
    people from choosing."""
    chain = case_of(split()).chain
    sides = [
        Trial(host="val1", app_hash="", says="x", before=ONE),
        Trial(host="val2", app_hash=STATE, says="y", before=OTHER_STORES),
    ]
    found = judge_sides(chain, sides)
    (compared,) = found.compared
    assert compared.agreement is Agreement.DIFFERENT
    first = compared.differences[0].subject.removeprefix("store ")
    assert found.inputs == (ChosenInput(name=DIFFERS_IN, value=first),)
    assert found.passed
    silent = judge_sides(chain, [Trial(host=h, app_hash="", says="x") for h in ("val1", "val2")])
    assert (silent.passed, silent.inputs) == (True, ())
    assert "not known of val1, val2" in silent.says
    assert not any(target.tried for target in silent.targets)
