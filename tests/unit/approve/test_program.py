"""Which ssh-keygen is asked, and with what: nothing that the caller has set decides."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

import pytest
from msgspec.structs import replace

from remediations.engine.approve import keygen
from remediations.engine.approve.approval import NAMESPACE
from remediations.engine.approve.approve import approve_plan, verify_approval
from remediations.engine.approve.keygen import FOR_SIGNING, sign
from remediations.engine.approve.verifier import load_verifier
from remediations.errors import MachineError
from remediations.machine.config import MachineConfig
from remediations.machine.programs import ENVIRONMENT, Program
from tests.unit.approve.keys import (
    MESSAGE,
    PLAN,
    Key,
    approval_with,
    by_hand,
    judge,
    refused,
)
from tests.unit.run.plans import NOW

SAYS_YES = f"""#!/bin/sh
case "$2" in
  find-principals) echo chief@corp ;;
  *) echo 'Good "{NAMESPACE}" signature for chief@corp with ED25519 key SHA256:x' ;;
esac
"""


def program(path: Path, text: str) -> Program:
    path.write_text(text)
    path.chmod(0o755)
    return Program(path, "")


def test_another_program_first_in_path_changes_nothing(
    alice: tuple[Key, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that finds every signature good, of a chief."""
    program(tmp_path / "ssh-keygen", SAYS_YES)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert refused(
        lambda: verify_approval(approval_with("x"), PLAN, judge(alice[1]), NOW)
    ).guard == ("signature")
    given = approve_plan(PLAN, alice[0].path, judge(alice[1]), NOW)
    assert given.principal == "alice@example.org"


def test_path_may_be_empty(alice: tuple[Key, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert approve_plan(PLAN, alice[0].path, judge(alice[1]), NOW)


def test_verification_gets_nothing_of_the_caller(
    alice: tuple[Key, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signing gets an agent and a window to ask in, and no more."""
    log = tmp_path / "log"
    spy = program(
        tmp_path / "spy", f'#!/bin/sh\n{{ echo "- $2"; env; }} >>{log}\nexec ssh-keygen "$@"\n'
    )
    for name in ("LD_PRELOAD", "TZDIR", "SSH_AUTH_SOCK", "HOME", "DISPLAY", "EVIL"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("LD_PRELOAD")  # it would be loaded into the spy itself
    approve_plan(PLAN, alice[0].path, replace(judge(alice[1]), keygen=spy), NOW)
    calls = {
        part.split("\n", 1)[0]: {line.partition("=")[0] for line in part.splitlines()[1:]}
        for part in log.read_text().split("- ")[1:]
    }
    assert set(calls) == {"sign", "find-principals", "verify"}
    by_the_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert calls["verify"] - by_the_shell == set(ENVIRONMENT)
    assert calls["find-principals"] - by_the_shell == set(ENVIRONMENT)
    assert calls["sign"] - by_the_shell <= {*ENVIRONMENT, *FOR_SIGNING}
    assert {"SSH_AUTH_SOCK", "HOME", "DISPLAY"} <= calls["sign"]


def test_machine_without_ssh_keygen(alice: tuple[Key, Path], tmp_path: Path) -> None:
    """12, not 5: it is the machine that cannot."""
    config = MachineConfig(ssh_keygen=tmp_path / "ssh-keygen")
    with pytest.raises(MachineError, match="not installed"):
        load_verifier(alice[1], config)


def test_program_that_disappears_is_the_machines_fault(
    alice: tuple[Key, Path], tmp_path: Path
) -> None:
    verifier = replace(judge(alice[1]), keygen=Program(tmp_path / "gone", ""))
    signature = by_hand(alice[0], MESSAGE, NAMESPACE)
    with pytest.raises(MachineError, match="cannot be started"):
        verify_approval(approval_with(signature), PLAN, verifier, NOW)


def test_key_that_nobody_touches(
    alice: tuple[Key, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A hardware key has a time limit."""
    slow = program(tmp_path / "slow", "#!/bin/sh\nexec sleep 5\n")
    monkeypatch.setattr(keygen, "TOUCH_LIMIT_S", 0.1)
    assert "did not answer" in refused(lambda: sign(b"x", alice[0].path, slow)).what


def test_copies_are_not_made_where_others_could_exchange_them(
    alice: tuple[Key, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """$TMPDIR in a directory that everybody may write, and that is not sticky."""
    given = approve_plan(PLAN, alice[0].path, judge(alice[1]), NOW)
    shared = Path(mkdtemp())
    shared.chmod(0o777)
    try:
        monkeypatch.setattr("tempfile.tempdir", str(shared))
        with pytest.raises(MachineError, match="others may write"):
            verify_approval(given, PLAN, judge(alice[1]), NOW)
        assert list(shared.iterdir()) == []
    finally:
        shutil.rmtree(shared)
