"""What a run writes: journal entries and states, as values."""

from __future__ import annotations

from enum import StrEnum

from remediations.model.record import Moment, Record


class RunState(StrEnum):
    """Where a run stands (design §5)."""

    PLANNED = "planned"
    APPROVED = "approved"
    RUNNING = "running"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    REFUSED = "refused"
    STOPPED = "stopped"  # partly applied, stopped on the first failure
    ABORTED = "aborted"  # by a person
    UNKNOWN = "unknown"  # its process died: some command may or may not have run


class CommandState(StrEnum):
    """Where one command on one host stands (design §5)."""

    PLANNED = "planned"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class EntryKind(StrEnum):
    """What a journal entry announces or records."""

    RUN_BEGAN = "run-began"
    FACTS_HELD = "facts-held"
    COMMAND_STARTING = "command-starting"
    COMMAND_ENDED = "command-ended"
    GATE_WAITING = "gate-waiting"
    GATE_ENDED = "gate-ended"
    SAMPLE = "sample"
    CHECK = "check"
    RUN_ENDED = "run-ended"


class HeightSample(Record, frozen=True, kw_only=True):
    """One host's height while the run goes on; None where it did not answer."""

    host: str
    height: int | None


class Entry(Record, frozen=True, kw_only=True):
    """One line of the journal. `previous` is the SHA-256 of the line before ("" for the first).

    Fields that do not apply to a kind keep their empty value. `at` is the bastion's clock, UTC.
    """

    number: int
    previous: str
    at: Moment
    kind: EntryKind
    plan: str
    stage: int = 0
    host: str = ""
    state: str = ""
    message: str = ""
    command_sha256: str = ""
    exit_status: int | None = None
    output: str = ""
    error_output: str = ""
    duration_ms: int = 0
    round: int = 0
    online_power: int = 0
    total_power: int = 0
    heights: tuple[HeightSample, ...] = ()
