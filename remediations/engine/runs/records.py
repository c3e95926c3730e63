"""What a run writes: journal entries and states, as values."""

from __future__ import annotations

from enum import StrEnum

from remediations.values.record import Moment, Record


class RunState(StrEnum):
    """Where a run stands (docs/rules/states.md)."""

    PLANNED = "planned"
    APPROVED = "approved"
    RUNNING = "running"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    STOPPED = "stopped"  # partly applied, stopped on the first failure
    ABORTED = "aborted"  # by a person
    UNKNOWN = "unknown"  # its process died: some command may or may not have run


class CommandState(StrEnum):
    """Where one command on one host stands (docs/rules/states.md)."""

    PLANNED = "planned"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


class EntryKind(StrEnum):
    """What a journal entry announces or records."""

    RUN_BEGAN = "run-began"
    FACTS_HELD = "facts-held"
    COMMAND_STARTING = "command-starting"
    COMMAND_ENDED = "command-ended"
    GATE_WAITING = "gate-waiting"
    GATE_ENDED = "gate-ended"
    SAMPLE = "sample"
    RUN_ENDED = "run-ended"
    CHECKED = "checked"


class HeightSample(Record, frozen=True, kw_only=True):
    """One host's height while the run goes on; None where it did not answer."""

    host: str
    height: int | None


class Actor(Record, frozen=True, kw_only=True):
    """Who acted: the user of the process, and the one who called `sudo` where that user is root.

    Ids come from the system; names are what its user database has for them, "" for nothing.
    """

    uid: int
    name: str
    sudo_uid: int | None
    sudo_name: str

    def __str__(self) -> str:
        who = f"{self.name or '?'} (uid {self.uid})"
        if self.sudo_uid is None:
            return who
        return f"{who}, through sudo by {self.sudo_name or '?'} (uid {self.sudo_uid})"


class Anchor(Record, frozen=True, kw_only=True):
    """A file outside the run by which the run was judged. `named_by` says who named it."""

    path: str
    sha256: str
    named_by: str

    def __str__(self) -> str:
        return f"{self.path} ({self.sha256[:16]}, named by {self.named_by})"


class ProgramUsed(Record, frozen=True, kw_only=True):
    """A program of this machine on which the run relied."""

    name: str
    path: str
    version: str
    sha256: str


class AcceptedApproval(Record, frozen=True, kw_only=True):
    """An approval that held when the run began: its file's bytes, and who gave it."""

    sha256: str
    principal: str
    key_fingerprint: str


class ApprovedBy(Record, frozen=True, kw_only=True):
    """One approval that was verified. `dated` is what its file says: the signature does not."""

    principal: str
    key_fingerprint: str
    dated: Moment


class Start(Record, frozen=True, kw_only=True):
    """By whom, on whose approval, and judged by what a run was begun.

    `revoked` is the list of revoked keys, where the machine has one; `ssh_config` what leads names
    to hosts, where the inventory names one: None for OpenSSH's own files.
    """

    tool: str
    actor: Actor
    approvals: tuple[AcceptedApproval, ...]
    signers: Anchor
    revoked: Anchor | None
    inventory: Anchor
    ssh_config: Anchor | None
    programs: tuple[ProgramUsed, ...]


class Entry(Record, frozen=True, kw_only=True):
    """One line of the journal. `previous` is the SHA-256 of the line before ("" for the first),
    `step` the id of the step in the plan.

    `checks_sha256` is that of the results (checks.json) which a verification came to.

    Fields that do not apply to a kind keep their empty value. `at` is the bastion's clock, UTC.
    """

    number: int
    previous: str
    at: Moment
    kind: EntryKind
    plan: str
    step: str = ""
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
    start: Start | None = None
    checks_sha256: str = ""
