"""The three jobs of docs/ci/shell.md around the lab: machines with users, homes and keys of their
own, certificates of one authority, and laptops without a network."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

from remediations.engine.installed_systems import installed_systems
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation import Scope
from remediations.machine.config import MachineConfig
from remediations.systems.hosts.program import host_program
from tests.lab.lab import CHECKOUT, Lab
from tests.lab.shell import run
from tests.lab.spec import OPERATOR
from tests.unit.docs.lamps import Done
from tests.unit.docs.pages import blocks
from tests.unit.docs.travellers import PYTHON, Machine, other_users

SCRIPTS = CHECKOUT / "docs/ci/shell"
READ = "/usr/local/sbin/remediate-read"
LIST = "/etc/remediate/readings"
PLAN_JOB = ("-O", "clear", "-O", "permit-port-forwarding", "-O", f"force-command=sudo -n {READ}")
APPLY_JOB = ("-O", "clear", "-O", "permit-port-forwarding")
"""What the certificate of each job may do."""
LAPTOPS = ("alice", "bob")
APPLYING = ("apply", "other")
ATTEMPTS = 3
NAMES = ("plan", *LAPTOPS, *APPLYING)


class Jobs:
    """A planner that may only read, two laptops, and two runners that may apply, below `place`."""

    def __init__(self, lab: Lab, place: Path) -> None:
        self.lab, self.place = lab, place
        users = other_users(*NAMES)
        self.machines = {
            name: Machine(place / name, None, None, users[name], online=name not in LAPTOPS)
            for name in NAMES
        }
        self._ca = place / "ca"
        _new_key(self._ca, "ca")
        self._trusted_by_hosts()
        signers = [self._laptop(name) for name in LAPTOPS]
        for name in ("plan", *APPLYING):
            self._runner(name, "".join(signers))
        for machine in self.machines.values():
            machine.installs(sys.executable if users["plan"] is None else PYTHON)
            machine.has(*SCRIPTS.iterdir())

    def _laptop(self, name: str) -> str:
        """Only a key; what a list of signers says of it."""
        _new_key(self.place / f"{name}.key", name)
        public = (self.place / f"{name}.key.pub").read_text()
        (self.place / f"{name}.key").rename(self.place / "key")
        self.machines[name].has(self.place / "key")
        return f'{name}@lab namespaces="remediate-plan" {public}'

    def _runner(self, name: str, signers: str) -> None:
        """What reaches the hosts, in its own home: a key with a certificate for half an hour."""
        access, home = self.lab.access, self.machines[name].path
        _new_key(self.place / "id", name)
        may = PLAN_JOB if name == "plan" else APPLY_JOB
        public = str(self.place / "id.pub")
        run("ssh-keygen", "-q", "-s", str(self._ca), "-I", name, "-n", OPERATOR, "-V", "+30m",
            *may, public)  # fmt: skip
        config = access.ssh_config.read_text()
        config = config.replace(str(access.operator_key), str(home / "id"))
        config = config.replace(str(access.known_hosts), str(home / "known_hosts"))
        texts = {
            "ssh_config": config,
            "known_hosts": access.known_hosts.read_text(),
            "inventory.yaml": access.inventory.read_text(),
            "allowed_signers": signers,
        }
        for file, text in texts.items():
            (self.place / file).write_text(text)
        keys = ("id", "id.pub", "id-cert.pub")
        self.machines[name].has(*(self.place / file for file in (*texts, *keys)))

    def _trusted_by_hosts(self) -> None:
        """The authority on every host, and what a planner may run there."""
        (program,) = (
            block.text for block in blocks("docs/sudo.md") if block.text.startswith("#!/bin/sh")
        )
        inventory = load_inventory(self.lab.access.inventory)
        installed = installed_systems(MachineConfig()).on_hosts
        systems = [system for system in installed if system.is_in(inventory)]
        listed = [
            f"{_sha256(host_program(host, scope, systems, inventory))} {host.name} {scope}"
            for host in inventory.hosts
            for scope in Scope
        ]
        trust = f'restrict,port-forwarding,cert-authority,principals="{OPERATOR}" '
        trust += self._ca.with_suffix(".pub").read_text()
        for host in self.lab.hosts.values():
            keys = host.path(f"/home/{OPERATOR}/.ssh/authorized_keys")
            keys.write_text(self.lab.access.operator_public_key + trust)
            for path, text, mode in ((READ, program, 0o755), (LIST, "\n".join(listed), 0o644)):
                file = host.path(path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{text.rstrip()}\n")
                file.chmod(mode)

    def carry(self, what: str, to: str) -> None:
        """Lay a copy of `MACHINE/FILE` before another machine; an approval among its others."""
        source, home = self.place / what, self.machines[to].path
        if source.is_dir():
            shutil.copytree(source, home / source.name, dirs_exist_ok=True)
        else:
            (home / "approvals").mkdir(exist_ok=True)
            shutil.copy(source, home / "approvals")

    def plan(self, *words: str) -> Done:
        """The first job."""
        return self.machines["plan"].types(" ".join(("sh plan.sh handed INC-001", *words)))

    def sign(self, *laptops: str) -> None:
        """The artifact to these people, and their approvals to those that may apply."""
        for name in laptops:
            self.carry("plan/handed", name)
            signed = self.machines[name].types(f"sh sign.sh handed key {name}.json --yes")
            assert signed.code == 0, signed.err
        for name in APPLYING:
            self.carry("plan/handed", name)
            for laptop in laptops:
                self.carry(f"{laptop}/{laptop}.json", name)

    def planned(self) -> None:
        """A plan that waits. On a busy machine a host may not answer in time, and then there is
        none: it is asked again, as people would."""
        for _ in range(ATTEMPTS):
            done = self.plan()
            if done.code == 3:
                return
            shutil.rmtree(self.place / "plan/handed", ignore_errors=True)
        raise AssertionError(done.out + done.err)

    def ready(self, *laptops: str) -> None:
        """Plan and sign: what is left is the third job."""
        self.planned()
        self.sign(*laptops)

    def apply(self, name: str = "apply") -> Done:
        """The third job."""
        return self.machines[name].types("sh apply.sh handed/run.tar approvals done")

    def starts(self, host: str) -> int:
        """How often systemd ran a step of the plan on a host, by the host's own journal."""
        plan = _sha256((self.place / "plan/handed/plan.json").read_bytes())
        said = self.lab.hosts[host].sh(
            f"journalctl --unit='remediate-{plan[:12]}-*' --output=json "
            "--output-fields=UNIT,INVOCATION_ID "
            '| grep -o \'"INVOCATION_ID":"[0-9a-f]*"\' | sort -u | wc -l'
        )
        return int(said)

    def journal(self, name: str) -> list[str]:
        """The kinds of the records of a machine's one run, so far."""
        files = self.machines[name].path.glob(".local/state/remediate/runs/*/journal.jsonl")
        lines = [line for file in files for line in file.read_text().splitlines(keepends=True)]
        return [json.loads(line)["event"]["kind"] for line in lines if line.endswith("\n")]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _new_key(path: Path, comment: str) -> None:
    for old in (path, path.with_suffix(".pub")):
        old.unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path))
