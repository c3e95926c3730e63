"""A key is out, and what was derived is reset: through the whole command line, on a real service.

The world decides: what the service has in its database, and what the program has left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.key_owners import Keys, keys
from tests.lab.session_desk import Desk, blocked, described, rotated, write_program
from tests.lab.vaults import search
from tests.unit.playbooks.keys.cases import made_chain
from tests.unit.sessions.service import TOKEN, Service

VERIFIED, REFUSED, PARTLY, UNVERIFIED = 0, 4, 7, 8


__all__ = ["keys"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """With three open sessions."""
    made = Service(tmp_path / "service.db")
    made.make(3)
    with made.served() as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path, service: Service) -> Iterator[Desk]:
    """The key is revoked, and three sessions are open."""
    chain = made_chain()
    with ExitStack() as stack:
        one, two = (stack.enter_context(chain.served(name)).url for name in ("a", "b"))
        made = Desk.at(tmp_path, chain, service, one, two)
        made.revoke()
        yield made


def test_all_that_was_derived_is_reset(desk: Desk) -> None:
    """Once, verified by each item's own probe, and again later; and the token is nowhere."""
    name = desk.planned()
    done = desk.says("apply", name)
    assert done.code == VERIFIED, blocked(done)
    assert desk.service.open_sessions == 0
    assert len(desk.service.requests("POST")) == 1
    assert rotated(desk.home) == ["application"], "what is for another key is left alone"
    desk.service.log_in()
    assert desk.says("verify", name).code == VERIFIED
    again = desk.plan()
    assert again.code == REFUSED
    assert "Nothing is left to call" in again.error["got"]
    report = desk.says("report", name)
    assert "only portal, database will be reset" in json.dumps(report.document)
    everything = {"token": TOKEN.encode()}
    found = search(desk.home, everything, but=desk.home / "portal.token")
    assert [one for one in found if not one.endswith("service.db")] == []
    desk.service.note("not_before", "5")
    taken_back = desk.says("verify", name)
    assert taken_back.code == UNVERIFIED
    assert "RP10" in json.dumps(taken_back.result)


@full_lab
def test_one_that_fails_hides_and_stops_no_other(desk: Desk) -> None:
    """The run says which; another plan is about that one alone."""
    desk.service.breaks("lies")
    name = desk.planned()
    done = desk.says("apply", name)
    assert done.code == PARTLY, blocked(done)
    assert rotated(desk.home) == ["application"]
    status = desk.says("status", name).result
    states = {step["target"]: step["state"] for step in status["steps"]}
    assert states == {"session/portal": "failed", "session/database": "done"}
    desk.service.breaks("")
    name = desk.planned()
    assert desk.says("apply", name).code == VERIFIED
    assert desk.service.open_sessions == 0
    assert rotated(desk.home) == ["application"]
    assert len(desk.service.requests("POST")) == 2


@full_lab
def test_a_controller_that_dies_in_the_middle_of_a_call(desk: Desk) -> None:
    """The call goes on by itself; `resume` finds it, and nothing is called twice."""
    desk.service.note("takes_s", "2")
    name = desk.planned()
    desk.killed_while_it_applies(name, lambda: bool(desk.service.requests("POST")))
    assert desk.service.open_sessions == 3, "it was in the middle"
    resumed = desk.says("resume", name)
    assert resumed.code == VERIFIED, blocked(resumed)
    assert desk.service.open_sessions == 0
    assert len(desk.service.requests("POST")) == 1
    assert rotated(desk.home) == ["application"]
    again = desk.says("apply", name)
    assert again.code not in (VERIFIED, 3)
    assert len(desk.service.requests("POST")) == 1


@full_lab
def test_what_cannot_be_proven_is_refused(desk: Desk) -> None:
    """Each wrong thing by its own guard, before anything is called."""

    def refused_by(guard: str, *more: str) -> None:
        said = desk.plan(*more)
        assert said.code == REFUSED, said.document
        assert f'"{guard}"' in blocked(said), blocked(said)

    (desk.home / "portal.token").chmod(0o640)
    refused_by("R26")
    (desk.home / "portal.token").chmod(0o600)
    (desk.home / "sessions").chmod(0o750)
    refused_by("R25")
    (desk.home / "sessions").chmod(0o700)
    (desk.home / "rotate").chmod(0o777)
    refused_by("R27")
    (desk.home / "rotate").chmod(0o700)
    desk.service.breaks("html")
    refused_by("R28")
    assert desk.plan("--items", "database").code == 3, "without the one that does not tell"
    desk.service.breaks("")
    refused_by("R29", "--items", "elsewhere,portal")
    assert "no item is called vpn" in desk.plan("--items", "vpn").error["got"]
    assert desk.service.requests("POST") == []
    assert rotated(desk.home) == []


@full_lab
def test_what_moved_since_the_plan_is_refused(desk: Desk) -> None:
    """Another program; and a service that somebody else has reset meanwhile."""
    name = desk.planned()
    write_program(desk.home / "rotate", "touch /nowhere/at/all")
    moved = desk.says("apply", name)
    assert moved.code == 6, moved.document
    assert "exactly these are run" in json.dumps(moved.error)
    name = desk.planned()
    desk.service.end_all()
    assert desk.says("apply", name).code == 6
    assert desk.service.requests("POST") == []


@full_lab
def test_before_it_is_revoked_nothing_is_ended(desk: Desk) -> None:
    """Whoever has the key would read the new ones, too."""
    desk.chain.keys = made_chain().keys
    said = desk.plan()
    assert said.code == REFUSED
    assert "revoke-key` comes first" in said.error["got"]


@full_lab
def test_doctor_says_what_of_it_works(desk: Desk) -> None:
    """Each item with how its probe answers, or with what is missing."""
    (desk.home / "portal.token").chmod(0o644)
    lines = desk.says("doctor").result["lines"]
    found = {one["topic"]: one for one in lines if one["subject"] == "keys"}
    assert found["sessions"]["state"] == "ok"
    assert "chmod 600" in found["session/portal"]["found"]
    assert found["session/database"]["state"] == "ok"


@full_lab
def test_on_a_chain_that_is_real(keys: Keys, service: Service, tmp_path: Path) -> None:
    """It says that the key is revoked; before that nothing is ended."""
    operator, home = keys.operator, tmp_path / "derived"
    home.mkdir(mode=0o700)
    text = operator.inventory.read_text()
    operator.inventory.write_text(text.replace("\nhosts:", f"{described(home, service)}hosts:"))
    assert "revoke-key` comes first" in keys.plan(1, "--branch", "end-sessions").error["got"]
    name = keys.planned(1, new=7)
    keys.sign(name)
    assert operator.says("apply", name).code == VERIFIED
    name = keys.planned(1, "--branch", "end-sessions")
    done = operator.says("apply", name)
    assert done.code == VERIFIED, done.why
    assert (service.open_sessions, rotated(home)) == (0, ["application"])
    assert operator.says("verify", name).code == VERIFIED
    found = search(operator.state, {"token": TOKEN.encode()}, but=home / "portal.token")
    assert [one for one in found if not one.endswith("service.db")] == []
