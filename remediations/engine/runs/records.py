"""What a run writes: journal entries and states, as values.

An entry is a head, which all have alike, and an event, which is one of a closed union: what an
event of one kind does not have cannot be written, and a state that it cannot have cannot be read.
Nothing here knows a domain: what was seen are headlines and points, and what ran are bytes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from remediations.engine.apply.look import Sight
from remediations.values.record import Moment, Record

JOURNAL_FORMAT = 2
"""Of the journal; its first event says it. Format 1 had no events, but one flat record for all."""


class RunState(StrEnum):
    """Where a run stands (docs/rules/states.md)."""

    PLANNED = "planned"
    APPROVED = "approved"
    RUNNING = "running"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    STOPPED = "stopped"  # partly applied, stopped on the first failure
    ABORTED = "aborted"  # by a person
    UNKNOWN = "unknown"  # its process died: some step may or may not have run


class StepState(StrEnum):
    """Where one step stands (docs/rules/states.md)."""

    PLANNED = "planned"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


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


StepEnd = Literal["done", "failed", "unknown"]
"""How a step may end: `StepState` without what comes before an end."""
GateEnd = Literal["opened", "shut"]
"""How waiting for a gate may end. Shut: its time was over, or a person stopped the run."""
RunEnd = Literal["running", "stopped", "aborted", "unknown"]
"""How carrying out may end. Running: all stages are done, the checks decide."""
Verified = Literal["verified", "unverified"]
"""What a verification may come to."""


class RunBegan(Record, frozen=True, kw_only=True, tag="run-began", tag_field="kind"):
    """The first event. `message` tells people what `start` has in full."""

    format: int
    message: str
    start: Start


class FactsHeld(Record, frozen=True, kw_only=True, tag="facts-held", tag_field="kind"):
    """The facts that decided were read again, and hold."""

    count: int


class StepStarting(Record, frozen=True, kw_only=True, tag="step-starting", tag_field="kind"):
    """A step is announced, before anything is launched.

    `step` is its id in the plan, by which everything looks it up; `target` and `action` are for
    people, and must be the plan's; `payload_sha256` is of the exact bytes that are launched.
    """

    step: str
    target: str
    action: str
    payload_sha256: str


class StepEnded(Record, frozen=True, kw_only=True, tag="step-ended", tag_field="kind"):
    """A step has an end. `exit_status` is None where none was heard; times in milliseconds."""

    step: str
    state: StepEnd
    message: str
    exit_status: int | None
    output: str
    error_output: str
    duration_ms: int


class GateWaiting(Record, frozen=True, kw_only=True, tag="gate-waiting", tag_field="kind"):
    """The steps of a stage are done: its gate is awaited. `stage` is the stage's number."""

    stage: int
    title: str


class GateEnded(Record, frozen=True, kw_only=True, tag="gate-ended", tag_field="kind"):
    """The gate of a stage opened or stayed shut; `seen` is what the last look showed of it."""

    stage: int
    state: GateEnd
    title: str
    seen: str


class Sampled(Record, frozen=True, kw_only=True, tag="sampled", tag_field="kind"):
    """One look at the world while the plan was carried out; only what changed is written."""

    sight: Sight


class RunEnded(Record, frozen=True, kw_only=True, tag="run-ended", tag_field="kind"):
    """How carrying out the plan ended, and why."""

    state: RunEnd
    message: str


class Checked(Record, frozen=True, kw_only=True, tag="checked", tag_field="kind"):
    """A verification, of which there may be many. `checks_sha256` is of the results (checks.json)
    that it came to."""

    state: Verified
    message: str
    checks_sha256: str


Event = (
    RunBegan
    | FactsHeld
    | StepStarting
    | StepEnded
    | GateWaiting
    | GateEnded
    | Sampled
    | RunEnded
    | Checked
)
"""What a journal tells, by `kind`."""


class JournalEntry(Record, frozen=True, kw_only=True):
    """One line of the journal. `previous` is the SHA-256 of the line before ("" for the first),
    `at` the bastion's clock, UTC, `plan` the digest of the plan."""

    number: int
    previous: str
    at: Moment
    plan: str
    event: Event
