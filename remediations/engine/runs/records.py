"""What a run writes: journal entries and states, as values.

An entry is a head, the same for all, and an event of a closed union: a member that an event of one
kind does not have cannot be written, and an impossible state cannot be read. Nothing here depends
on a domain: what was seen are headlines and points, and what ran are bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Literal

from remediations.engine.apply.look import Sample, Sight
from remediations.engine.verify.result import CheckOutcome
from remediations.values.record import Moment, Record

JOURNAL_FORMAT = 3
"""The format of the journal, which is in its first event. Format 1 had flat records; in format 2
nothing but verifications could follow the end of a run."""


class RunState(StrEnum):
    """The state of a run (docs/rules/states.md)."""

    PLANNED = "planned"
    APPROVED = "approved"
    RUNNING = "running"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    STOPPED = "stopped"  # partly applied, stopped at the first failure
    ABORTED = "aborted"  # by a person
    ABANDONED = "abandoned"  # given up by a person, with a reason: nobody goes on with it
    UNDONE = "undone"  # what it did was taken back, as far as the plan has a way
    UNKNOWN = "unknown"  # its process died: steps may or may not have run


class StepState(StrEnum):
    """The state of one step (docs/rules/states.md)."""

    PLANNED = "planned"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    VOIDED = "voided"  # never started, and its target refuses to start it from now on
    UNKNOWN = "unknown"


class Actor(Record, frozen=True, kw_only=True):
    """Who acted: the user of the process and, for root, the user who called `sudo`.

    Ids come from the system; names are those in its user database, "" if there is none.
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
    """A file outside of the run against which it was checked. `named_by` says what named it."""

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
    """An approval that was valid when the run began: the hash of its file, and who gave it."""

    sha256: str
    principal: str
    key_fingerprint: str


class ApprovedBy(Record, frozen=True, kw_only=True):
    """A verified approval. `dated` is from its file, and is not covered by the signature."""

    principal: str
    key_fingerprint: str
    dated: Moment


class Start(Record, frozen=True, kw_only=True):
    """By whom, with whose approval, and checked against what a run was begun.

    `revoked` is the list of revoked keys, None if the machine has none; `ssh_config` is the file
    that the inventory names, None for OpenSSH's own files.
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
"""How a step may end: the final states of `StepState`."""
GateEnd = Literal["opened", "shut"]
"""How waiting for a gate may end. Shut: its time was up, or a person stopped the run."""
RunEnd = Literal["running", "stopped", "aborted", "unknown", "undone"]
"""How carrying out a plan, or undoing it, may end. Running: all stages are done, and the checks
decide."""
Verified = Literal["verified", "unverified"]
"""The possible results of a verification."""


def all_pass(outcomes: Sequence[CheckOutcome]) -> bool:
    """Whether a run is verified by checks of these outcomes: each passed, and there are some."""
    return bool(outcomes) and all(outcome is CheckOutcome.PASSED for outcome in outcomes)


class RunBegan(Record, frozen=True, kw_only=True, tag="run-began", tag_field="kind"):
    """The first event. `message` is a summary of `start` for people."""

    format: int
    message: str
    start: Start


class RunResumed(Record, frozen=True, kw_only=True, tag="run-resumed", tag_field="kind"):
    """Somebody goes on with a run that stopped, or whose process died.

    `start` is by whom, and checked against what, as for the beginning; its approvals are those of
    the beginning, which were valid then. Steps whose end nobody saw may be announced once more
    after it: their target refuses the second launch.
    """

    message: str
    start: Start


class StopAsked(Record, frozen=True, kw_only=True, tag="stop-asked", tag_field="kind"):
    """A person asked the targets to start nothing more of this run, and said why."""

    actor: Actor
    reason: str


class UndoBegan(Record, frozen=True, kw_only=True, tag="undo-began", tag_field="kind"):
    """Somebody takes back what the run did, by the steps of the plan for that, and said why.

    `start` is by whom, and checked against what, as for the beginning. No other step of the plan
    may start after it. Steps whose end nobody saw may be announced once more after it.
    """

    message: str
    start: Start
    reason: str


class NothingToUndo(Record, frozen=True, kw_only=True, tag="nothing-to-undo", tag_field="kind"):
    """The effect of these steps is not there, says their target: they need not be taken back."""

    steps: tuple[str, ...]
    target: str


class FactsHeld(Record, frozen=True, kw_only=True, tag="facts-held", tag_field="kind"):
    """The deciding facts were read again, and hold: all of them when a run begins, those of targets
    that nothing was done to yet when it is resumed."""

    count: int


class FenceTaken(Record, frozen=True, kw_only=True, tag="fence-taken", tag_field="kind"):
    """The run holds a resource: under which number, and which hosts keep it for the run."""

    resource: str
    number: int
    hosts: tuple[str, ...]


class FenceStolen(Record, frozen=True, kw_only=True, tag="fence-stolen", tag_field="kind"):
    """Before the run took a resource, somebody had taken it away from its holder. `said` is who,
    when and why, as the hosts kept it until then."""

    resource: str
    number: int
    said: str


class FenceGiven(Record, frozen=True, kw_only=True, tag="fence-given", tag_field="kind"):
    """The run gave a resource back. `hosts` have confirmed that they do not keep it for the run any
    more; the others may still do so."""

    resource: str
    number: int
    hosts: tuple[str, ...]


class StepStarting(Record, frozen=True, kw_only=True, tag="step-starting", tag_field="kind"):
    """A step is announced, before anything is launched.

    `step` is its id in the plan, by which it is looked up everywhere. `target` and `action` are for
    people, and must be those of the plan. `payload_sha256` is the hash of the launched bytes.
    """

    step: str
    target: str
    action: str
    payload_sha256: str


class StepEnded(Record, frozen=True, kw_only=True, tag="step-ended", tag_field="kind"):
    """A step has ended. `exit_status` is None if it is not known; times are in milliseconds.

    A step that ended as unknown may end once more, when its target has told how.
    """

    step: str
    state: StepEnd
    message: str
    exit_status: int | None
    output: str
    error_output: str
    duration_ms: int


class StepVoided(Record, frozen=True, kw_only=True, tag="step-voided", tag_field="kind"):
    """A step that was not started can never start: its target has recorded that."""

    step: str
    target: str


class GateWaiting(Record, frozen=True, kw_only=True, tag="gate-waiting", tag_field="kind"):
    """The steps of a stage are done, and its gate is awaited. `stage` is the stage's number."""

    stage: int
    title: str


class GateEnded(Record, frozen=True, kw_only=True, tag="gate-ended", tag_field="kind"):
    """The gate of a stage opened or stayed shut. `seen` is what the last look showed."""

    stage: int
    state: GateEnd
    title: str
    seen: str


class Sampled(Record, frozen=True, kw_only=True, tag="sampled", tag_field="kind"):
    """One look at the world while the plan was carried out. Only changes are written."""

    sight: Sight


class RunEnded(Record, frozen=True, kw_only=True, tag="run-ended", tag_field="kind"):
    """How carrying out the plan ended, and why."""

    state: RunEnd
    message: str


class RunAbandoned(Record, frozen=True, kw_only=True, tag="run-abandoned", tag_field="kind"):
    """Nobody goes on with the run, for this reason. Only verifications may follow."""

    reason: str


class CheckEnded(Record, frozen=True, kw_only=True):
    """When one check of a verification ended, and how; `host` is "" for the whole set."""

    id: str
    host: str
    outcome: CheckOutcome
    at: Moment


class Checked(Record, frozen=True, kw_only=True, tag="checked", tag_field="kind"):
    """A verification, of which there may be many.

    `checks_sha256` is the hash of its results (checks.json). `began` is when its first check was
    started, `ended` when each of them ended, and `samples` are the looks at the world that they
    made meanwhile: all times by one clock that only rises.

    Raises:
        ValueError: it says verified and not every check passed, or unverified and all did; or a
            time is before `began`, or before that of the record before it.
    """

    state: Verified
    message: str
    checks_sha256: str
    began: Moment
    ended: tuple[CheckEnded, ...]
    samples: tuple[Sample, ...]

    def __post_init__(self) -> None:
        """Refuse a verdict that the checks do not give, and times that cannot be."""
        super().__post_init__()
        if (self.state == "verified") != all_pass([check.outcome for check in self.ended]):
            raise ValueError(f"{self.state} is not what its checks came to")
        for times in (self.ended, self.samples):
            moments = (self.began, *(one.at for one in times))
            if any(later < earlier for earlier, later in pairwise(moments)):
                raise ValueError("its times do not rise")


Event = (
    RunBegan
    | RunResumed
    | UndoBegan
    | NothingToUndo
    | StopAsked
    | FactsHeld
    | FenceStolen
    | FenceTaken
    | FenceGiven
    | StepStarting
    | StepEnded
    | StepVoided
    | GateWaiting
    | GateEnded
    | Sampled
    | RunEnded
    | RunAbandoned
    | Checked
)
"""The events of a journal, by `kind`."""


class JournalEntry(Record, frozen=True, kw_only=True):
    """One line of the journal. `previous` is the SHA-256 of the line before ("" for the first),
    `at` the bastion's clock, UTC, `plan` the digest of the plan."""

    number: int
    previous: str
    at: Moment
    plan: str
    event: Event
