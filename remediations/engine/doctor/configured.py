"""What the machine configuration names, and whether it is there: lists, programs, playbooks.

Starts `ssh -V`, and imports the playbooks that are installed and allowed.
"""

from __future__ import annotations

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
from remediations.render.words import short_digest

FILE, PLAYBOOKS = "configuration", "playbooks"


def read_configuration() -> tuple[MachineConfig | None, tuple[DoctorLine, ...]]:
    """The configuration, and lines about it and all that it names. None where it cannot be used:
    what it should have named is unknown then, and nothing else is said of it."""
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
    """Those that can be used, and one line for each that cannot. Pure.

    A broken one stands in nobody's way; two of one id do: that playbook is refused.
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
