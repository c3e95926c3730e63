"""The state of the machine that runs this tool: Python, the agent, the state directory, and all
that the machine configuration names.

Starts `ssh-add -l` and `ssh -V`, and imports the playbooks that are installed and allowed.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from remediations.engine.approve.verifier import KRL_MAGIC, load_revoked
from remediations.engine.catalogue import Catalogue, Flaw, catalogue
from remediations.engine.doctor.line import MACHINE, DoctorLine, lack_line, ok_line, warn_line
from remediations.engine.doctor.signers import signers_list_line
from remediations.errors import ApprovalError, MachineError, RemediationError, UsageError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.machine.config import DEFAULT_PATH, KEYS, MachineConfig, load_machine_config
from remediations.machine.programs import (
    SSH,
    SSH_KEYGEN,
    load_program,
    openssh_version,
)
from remediations.render.formats import short_digest

ROOM = 64 << 20
"""Bytes free in the state directory; a run's files take a few hundred kilobytes."""

_LIMIT_S = 5
_NO_AGENT, _NO_KEYS = 2, 1
"""How `ssh-add -l` ends."""


def machine_lines(state: Path, ssh_add: Path) -> tuple[DoctorLine, ...]:
    """Lines about Python, the agent that `ssh_add` sees, and the state directory, which is not
    created."""
    return (
        ok_line(MACHINE, "Python", platform.python_version()),
        agent_line(ssh_add),
        state_line(state),
    )


def agent_line(ssh_add: Path) -> DoctorLine:
    """The line about the agent. No agent is a warning only: a key file may have no passphrase."""
    try:
        program = load_program(ssh_add, SSH_KEYGEN)
    except MachineError as error:
        return warn_line(MACHINE, "agent", f"{error.what}: {error.got}", error.next_step)
    done = _said(str(program.path), "-l")
    if done is None or done.returncode == _NO_AGENT:
        return warn_line(
            MACHINE,
            "agent",
            "none answers (a key file without passphrase does, too)",
            'eval "$(ssh-agent)" && ssh-add',
        )
    if done.returncode == _NO_KEYS:
        return warn_line(MACHINE, "agent", "it holds no key", "ssh-add")
    keys = [line.split()[-1].strip("()") for line in done.stdout.splitlines() if line.split()]
    return ok_line(MACHINE, "agent", f"{len(keys)} key(s): {', '.join(keys)}")


def state_line(state: Path) -> DoctorLine:
    """Whether runs can be kept in `state`; nothing is written there."""
    topic, mend = "state directory", "export REMEDIATE_HOME=DIRECTORY-OF-YOURS"
    place = state
    try:
        while not place.exists() and place != place.parent:
            place = place.parent
        free = shutil.disk_usage(place).free
    except OSError as error:
        return lack_line(MACHINE, topic, f"{state}: {error.strerror or error}", mend)
    if not place.is_dir():
        return lack_line(MACHINE, topic, f"{place} is not a directory", mend)
    if not os.access(place, os.W_OK | os.X_OK):
        return lack_line(MACHINE, topic, f"{place} cannot be written", mend)
    if free < ROOM:
        return lack_line(
            MACHINE, topic, f"{place}: {free >> 20} MiB free", f"free space, or {mend}"
        )
    there = "" if place == state else " (will be made)"
    return ok_line(MACHINE, topic, f"{state}{there}, {free >> 30} GiB free")


def _said(*argv: str) -> subprocess.CompletedProcess[str] | None:
    """The result of a program; None if it is missing or does not answer."""
    try:
        return subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


FILE, PLAYBOOKS = "configuration", "playbooks"


def read_configuration() -> tuple[MachineConfig | None, tuple[DoctorLine, ...]]:
    """The configuration, and lines about it and all that it names. None if it cannot be used: then
    what it should name is unknown, and there are no further lines."""
    try:
        config = load_machine_config()
    except UsageError as error:
        return None, (_refused(FILE, error),)
    return config, (
        _file_line(config),
        *_program_lines(config),
        *_list_lines(config),
        *(_inventory_line(path) for path in config.inventories),
        *playbook_lines(catalogue(config), config),
    )


def playbook_lines(found: Catalogue, config: MachineConfig) -> tuple[DoctorLine, ...]:
    """One line for the playbooks that can be used, and one for each that cannot. Pure.

    A broken package is a warning. Two playbooks with one id are an error: both are refused.
    """
    ids = ", ".join(installed.playbook.id for installed in found.playbooks) or "none"
    kept_out = [t.distribution for t in found.troubles if t.flaw is Flaw.NOT_ALLOWED]
    told = f"{ids}; not allowed: {', '.join(kept_out)}" if kept_out else ids
    lines = [ok_line(MACHINE, PLAYBOOKS, told)]
    for trouble in found.troubles:
        what = f"{trouble.name}, {trouble.distribution} {trouble.version}: {trouble.reason}"
        if trouble.flaw is Flaw.BROKEN:
            lines.append(warn_line(MACHINE, PLAYBOOKS, what, trouble.mend(config)))
        elif trouble.flaw is Flaw.DUPLICATE:
            lines.append(lack_line(MACHINE, PLAYBOOKS, what, trouble.mend(config)))
    return tuple(lines)


def _file_line(config: MachineConfig) -> DoctorLine:
    if not config.path:
        return ok_line(MACHINE, FILE, f"no {DEFAULT_PATH}: the defaults hold")
    defaults = MachineConfig()
    named = [key for key in KEYS if getattr(config, key) != getattr(defaults, key)]
    told = f"names {', '.join(named)}" if named else "names nothing"
    return ok_line(MACHINE, FILE, f"{config.path} (SHA-256 {short_digest(config.sha256)}…) {told}")


def _program_lines(config: MachineConfig) -> Iterator[DoctorLine]:
    try:
        ssh = load_program(config.ssh, SSH)
        version = openssh_version(ssh)
        yield ok_line(MACHINE, SSH, f"{version.replace('_', ' ')}, {ssh.path}")
    except MachineError as error:
        yield _refused(SSH, error)
    try:
        keygen = load_program(config.ssh_keygen, SSH_KEYGEN)
        yield ok_line(
            MACHINE, "ssh-keygen", f"{keygen.path} (SHA-256 {short_digest(keygen.sha256)}…)"
        )
    except MachineError as error:
        yield _refused("ssh-keygen", error)


def _list_lines(config: MachineConfig) -> Iterator[DoctorLine]:
    if config.allowed_signers is not None:
        yield signers_list_line(MACHINE, config.allowed_signers)
    if config.revoked_keys is not None:
        topic = "revoked_keys"
        try:
            file = load_revoked(config.revoked_keys)
        except ApprovalError as error:
            yield _refused(topic, error)
        else:
            form = "a KRL" if file.data.startswith(KRL_MAGIC) else "a list of keys"
            yield ok_line(
                MACHINE, topic, f"{file.path}: {form} (SHA-256 {short_digest(file.sha256)}…)"
            )


def _inventory_line(path: Path) -> DoctorLine:
    topic = "inventories"
    try:
        read_trusted(path, limit=MEGABYTE)
    except UsageError as error:
        return _refused(topic, error)
    except OSError as error:
        return lack_line(MACHINE, topic, f"{path}: {error.strerror or error}", f"write {path}")
    return ok_line(MACHINE, topic, str(path))


def _refused(topic: str, error: RemediationError) -> DoctorLine:
    return lack_line(MACHINE, topic, f"{error.what}: {error.got}", error.next_step)
