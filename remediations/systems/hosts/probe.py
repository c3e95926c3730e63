"""The built-in questions that tell afterwards whether the effect of a step is there.

A step that left no result (a power failure, a time limit) is settled by its probe: a name and
values, never shell text. The fixed program `systems/hosts/probes.sh` runs as root for it, and an
approver reads the whole question on one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from remediations.values.record import Record


class ProbeName(StrEnum):
    """The questions, with their arguments."""

    UNIT_ACTIVE = "unit-active"  # UNIT: it is active
    UNIT_RESTARTED = "unit-restarted"  # UNIT INVOCATION: active, in another invocation
    UNIT_ENABLED = "unit-enabled"  # UNIT: it comes back after a reboot
    UNIT_HELD = "unit-held"  # UNIT NOTE: stopped and held, with this note unless it is "-"
    UNIT_RUNS = "unit-runs"  # UNIT SHA256: active, and runs this program
    PROGRAM_IS = "program-is"  # PATH USER SHA256: this program lies there, as USER sees it
    UNIT_DISABLED = "unit-disabled"  # UNIT: it does not come back after a reboot
    COPY_KEPT = "copy-kept"  # MARK: a copy was made under this mark, and is kept
    OBSTACLES_GONE = "obstacles-gone"  # OBSTACLE…: none of these lines of `obstacles.py` is there
    SETTINGS_ARE = "settings-are"  # HOME USER SETTING=NUMBER…: all of them stand in their files
    ROOM_FREED = "room-freed"  # BYTES PATH…: none of these is there; journal archives at most BYTES
    FILES_LIMIT = "files-limit"  # UNIT NUMBER: so many files may the next process of the unit open
    STATE_SYNC_IS = "state-sync-is"  # HOME USER HASH|off: what config.toml trusts, if it is on
    DATABASES_ASIDE = "databases-aside"  # HOME USER NAME there|gone: a directory below data/
    FILE_KEPT = "file-kept"  # SHA256: `files.sh` keeps this file
    MODEL_SERVED = "model-served"  # UNIT INVOCATION|- DIRECTORY SHA256: these files, in use since
    ENVIRONMENT_IS = "environment-is"  # FILE NAME=VALUE|-NAME…: these lines, or none of the name
    KEY_FILE_IS = "key-file-is"  # UNIT|- MARK|- FILE FORM FINGERPRINT: this key, and it was told
    NOT_JAILED = "not-jailed"  # RPC OPERATOR: the node there says that the validator is not jailed


class Probe(Record, frozen=True, kw_only=True):
    """One question: `unit-restarted virtengined.service 3f2a…`. The host checks the values."""

    name: ProbeName
    arguments: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The form in a step, and for the host: the name, then the values."""
        return (self.name.value, *self.arguments)


def unit_active(unit: str) -> Probe:
    """Whether `unit` is active."""
    return Probe(name=ProbeName.UNIT_ACTIVE, arguments=(unit,))


def unit_restarted(unit: str, invocation: str) -> Probe:
    """Whether `unit` is active, and no longer in this invocation (systemd's InvocationID)."""
    return Probe(name=ProbeName.UNIT_RESTARTED, arguments=(unit, invocation))


def unit_enabled(unit: str) -> Probe:
    """Whether `unit` is enabled."""
    return Probe(name=ProbeName.UNIT_ENABLED, arguments=(unit,))


def unit_held(unit: str, note: str = "-") -> Probe:
    """Whether `unit` is stopped and held (`hold.py`), with a note of what was done meanwhile."""
    return Probe(name=ProbeName.UNIT_HELD, arguments=(unit, note))


def unit_runs(unit: str, sha256: str) -> Probe:
    """Whether `unit` is active, and its main process, or one that this started (below a wrapper),
    is of the program with this SHA-256."""
    return Probe(name=ProbeName.UNIT_RUNS, arguments=(unit, sha256))


def program_is(path: str, user: str, sha256: str) -> Probe:
    """Whether the program with this SHA-256 lies at `path`, whether or not it runs: one that fails
    at a block is there all the same. `user` is who looks, "" for root."""
    return Probe(name=ProbeName.PROGRAM_IS, arguments=(path, user or "root", sha256))


def unit_disabled(unit: str) -> Probe:
    """Whether `unit` is disabled."""
    return Probe(name=ProbeName.UNIT_DISABLED, arguments=(unit,))


def copy_kept(mark: str) -> Probe:
    """Whether a copy of databases was made under this mark, and the host keeps it."""
    return Probe(name=ProbeName.COPY_KEPT, arguments=(mark,))


def obstacles_gone(lines: Sequence[str]) -> Probe:
    """Whether none of the obstacles that these lines describe is on the host (`obstacles.py`)."""
    return Probe(name=ProbeName.OBSTACLES_GONE, arguments=tuple(lines))


def settings_are(home: str, user: str, settings: Sequence[str]) -> Probe:
    """Whether the files in `home`, whose daemon runs as `user`, have these settings
    (`halt-height=0`)."""
    return Probe(name=ProbeName.SETTINGS_ARE, arguments=(home, user, *settings))


def room_freed(journal: int, paths: Sequence[str]) -> Probe:
    """Whether none of these files and directories is there, and the archived files of the journal
    take at most so many bytes (0: whatever they take)."""
    return Probe(name=ProbeName.ROOM_FREED, arguments=(str(journal), *paths))


def files_limit(unit: str, number: int) -> Probe:
    """Whether the next process of `unit` may open exactly so many files."""
    return Probe(name=ProbeName.FILES_LIMIT, arguments=(unit, str(number)))


def not_jailed(rpc: str, operator: str) -> Probe:
    """Whether the node at `rpc` says that the validator of this operator (its 20 bytes, lower-case
    hex) is not jailed."""
    return Probe(name=ProbeName.NOT_JAILED, arguments=(rpc, operator))


def state_sync_is(home: str, user: str, trusts: str) -> Probe:
    """Whether config.toml in `home` turns state sync on, trusting this hash; or off, for "off"."""
    return Probe(name=ProbeName.STATE_SYNC_IS, arguments=(home, user, trusts))


def databases_aside(home: str, user: str, name: str, *, there: bool) -> Probe:
    """Whether the directory `name` below `data` in `home` is there with all that was set aside; or
    gone."""
    word = "there" if there else "gone"
    return Probe(name=ProbeName.DATABASES_ASIDE, arguments=(home, user, name, word))


def file_kept(sha256: str) -> Probe:
    """Whether the host keeps the file with this SHA-256."""
    return Probe(name=ProbeName.FILE_KEPT, arguments=(sha256,))


def model_served(unit: str, invocation: str, directory: str, sha256: str) -> Probe:
    """Whether the contents of all files below `directory`, in the order of their paths and without
    export_metadata.json, have this SHA-256, and `unit` is active, no longer in this invocation ("":
    in any)."""
    arguments = (unit, invocation or "-", directory, sha256)
    return Probe(name=ProbeName.MODEL_SERVED, arguments=arguments)


def environment_is(file: str, words: Sequence[str]) -> Probe:
    """Whether a file of NAME=VALUE lines has each of these lines, and no other of its name;
    `-NAME` stands for no line."""
    return Probe(name=ProbeName.ENVIRONMENT_IS, arguments=(file, *words))


def key_file_is(unit: str, mark: str, file: str, form: str, fingerprint: str) -> Probe:
    """Whether the private key in `file` is of this fingerprint, and `unit` ("" for none) is active
    and was told since: by another invocation than `mark`, or by a change of its state after that
    time ("": it need not have been)."""
    arguments = (unit or "-", mark or "-", file, form, fingerprint)
    return Probe(name=ProbeName.KEY_FILE_IS, arguments=arguments)
