"""Real keys of people who approve."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from remediations.engine.approve.approval import Approval, statement_for
from remediations.engine.approve.verifier import Verifier, load_verifier
from remediations.errors import ApprovalError
from remediations.machine.config import MachineConfig
from remediations.machine.programs import SSH_KEYGEN, load_program
from remediations.values.wire import canonical
from tests.unit.run.plans import NOW, plan

PLAN = plan()
MESSAGE = canonical(statement_for(PLAN))
KEYGEN = load_program(MachineConfig().ssh_keygen, SSH_KEYGEN)


@dataclass(frozen=True)
class Key:
    """A key pair of somebody."""

    path: Path

    @property
    def public(self) -> str:
        """Type and key."""
        return " ".join(self.path.with_suffix(".pub").read_text().split()[:2])

    def line(self, principals: str, options: str = "") -> str:
        return " ".join(filter(None, (principals, options, self.public))) + "\n"


def judge(allowed_signers: Path, revoked: Path | None = None) -> Verifier:
    """What judges approvals, with the list as it is at this moment."""
    return load_verifier(allowed_signers, MachineConfig(revoked_keys=revoked))


def refused(act: Callable[[], object]) -> ApprovalError:
    """The refusal, with all its parts."""
    with pytest.raises(ApprovalError) as caught:
        act()
    error = caught.value
    assert all((error.guard, error.got, error.expected, error.next_step))
    return error


def by_hand(key: Key, message: bytes, namespace: str) -> str:
    done = subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key.path],
        input=message,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def approval_with(signature: str) -> Approval:
    return Approval(
        statement=statement_for(PLAN),
        signature=signature,
        principal="alice@example.org",
        key_fingerprint="SHA256:whatever",
        given_at=NOW,
    )
