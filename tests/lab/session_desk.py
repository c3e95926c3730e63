"""An operator whose key is out: a made chain that says so, a real service, and a program."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.docs.lamps import NOBODY
from tests.unit.playbooks.keys.cases import OUT, VAULT, made_chain
from tests.unit.sessions.service import TOKEN, Service
from tests.unit.transactions.fake_chain import FakeChain, key_record

PROGRAM = "from remediations.cli.main import main; main()"
CHOSEN = ("--branch", "end-sessions", "--fingerprint", OUT, "--reason", "laptop stolen")
SESSIONS = """
sessions:
  machine: {machine}
  directory: {home}/sessions
  items:
    portal:
      what: every session of the portal ends, people log in again
      call: {{method: POST, url: "{url}/end", body: {{reason: incident}}, within_seconds: 4}}
      probe: {{url: "{url}/state", pointer: /state/not_before, at_least: began}}
      token_file: {home}/portal.token
      done_within_seconds: 2
    database:
      what: the application gets another password
      call: {{run: [{home}/rotate, application]}}
      probe: {{run: [{home}/is-rotated]}}
      done_within_seconds: 2
    elsewhere:
      what: sessions that another key opened
      call: {{run: [{home}/rotate, other]}}
      probe: {{run: [{home}/is-rotated]}}
      keys: ["{other}"]
"""
INVENTORY = """\
version: 2
ssh: {{config: ssh_config}}
allowed_signers: allowed_signers
chain: {{id: nobody-1}}
keys:
  chain_id: one-1
  endpoints: {{a: "{one}", b: "{two}"}}
  directory: transactions
  accounts:
    vault: {{address: {vault}, signer: offline}}
{sessions}
hosts:
  jump: {{chain: {{role: bastion}}}}
"""


def described(home: Path, service: Service) -> str:
    """The section, with its files and programs: a service, a program, and what is for another
    key."""
    (home / "sessions").mkdir(mode=0o700)
    (home / "portal.token").write_text(f"{TOKEN}\n")
    (home / "portal.token").chmod(0o600)
    write_program(home / "rotate", f'echo "$1" >>{home}/rotated')
    write_program(home / "is-rotated", f"test -e {home}/rotated")
    machine = socket.gethostname()
    return SESSIONS.format(machine=machine, home=home, url=service.url, other="ef" * 20)


def write_program(path: Path, text: str) -> None:
    """A program of the operator's."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)


def rotated(home: Path) -> list[str]:
    """What the program was called with, each time."""
    path = home / "rotated"
    return path.read_text().split() if path.exists() else []


@dataclass(frozen=True)
class Said:
    """How a command with --json ended."""

    code: int
    document: dict[str, Any]
    err: str

    @property
    def result(self) -> Any:  # noqa: ANN401 - a JSON tree
        """What it says."""
        return self.document["result"]

    @property
    def error(self) -> dict[str, str]:
        """Its refusal."""
        error: dict[str, str] = self.document["error"]
        return error


@dataclass
class Desk:
    """A directory with everything, and a state directory in it."""

    home: Path
    chain: FakeChain
    service: Service

    @classmethod
    def at(cls, home: Path, chain: FakeChain, service: Service, one: str, two: str) -> Desk:
        """The files of an operator whose key is not revoked yet."""
        (home / "transactions").mkdir(mode=0o700)
        files = {
            "ssh_config": NOBODY,
            "inventory.yaml": INVENTORY.format(
                one=one, two=two, vault=VAULT, sessions=described(home, service)
            ),
        }
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(home / "key")]
        subprocess.run(make, check=True, stdin=subprocess.DEVNULL)
        public = (home / "key.pub").read_text().strip()
        files["allowed_signers"] = f'ann@example.org namespaces="remediate-plan" {public}\n'
        for name, content in files.items():
            (home / name).write_text(content)
            (home / name).chmod(0o600)
        return cls(home, chain, service)

    def revoke(self) -> None:
        """The chain says that the key is revoked, since a minute ago."""
        at = int(time.time()) - 60
        self.chain.keys[VAULT] = [
            key_record(OUT, VAULT, registered_at=1796019052, revoked_at=at),
            *made_chain().keys[VAULT][1:],
        ]

    @property
    def environment(self) -> dict[str, str]:
        """Of a command; proxies of this machine are not for it."""
        own = {
            "REMEDIATE_HOME": str(self.home / "state"),
            "REMEDIATE_INVENTORY": str(self.home / "inventory.yaml"),
            "http_proxy": "http://127.0.0.1:9",
        }
        return {**os.environ, **own}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command that is not waited for."""
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            env=self.environment, cwd=self.home, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def says(self, *words: str) -> Said:
        """What a command says."""
        with self.start(*words, "--json") as process:
            out, err = process.communicate(timeout=120)
        return Said(process.returncode, json.loads(out), err)

    def plan(self, *more: str) -> Said:
        """To end sessions."""
        return self.says("plan", "INC-005", *CHOSEN, *more)

    def planned(self, *more: str) -> str:
        """The run of a plan that is approved."""
        said = self.plan(*more)
        assert said.code == 3, blocked(said)
        name = str(said.result["run"])
        signed = self.says("approve", name, "--yes", "--key", str(self.home / "key"))
        assert signed.code == 0, signed.document
        return name

    def killed_while_it_applies(self, name: str, begun: Callable[[], bool]) -> None:
        """`apply`, killed as soon as something has begun."""
        with self.start("apply", name) as process:
            until = time.monotonic() + 60
            while not begun():
                assert time.monotonic() < until, "it does not begin"
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)


def blocked(said: Said) -> str:
    """The guards that do not pass, or the refusal."""
    plan = (said.document["result"] or {}).get("plan", {})
    guards = [one for one in plan.get("guards", ()) if one["outcome"] != "pass"]
    return json.dumps(guards or said.document["error"], indent=1)
