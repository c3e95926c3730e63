"""The `result` of every command with --json, as types: their schemas are published, each with a
version (`remediate schema result-plan/1`).

A command may build its result as it likes; tests hold it against its type. Another set of members,
or another type of one, is another version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from remediations.engine.apply.settle import StopOutcome
from remediations.engine.approve.approval import Approval
from remediations.engine.approve.tally import Tally
from remediations.engine.catalogue import Flaw
from remediations.engine.doctor.line import DoctorLine
from remediations.engine.find.finding import Finding
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.rehearsal import Rehearsed
from remediations.engine.report.report import Report
from remediations.engine.runs.archive import RunManifest
from remediations.engine.runs.history import UnprovenRun
from remediations.engine.runs.records import ApprovedBy, RunState, StepState
from remediations.engine.stage.stage import StageOutcome
from remediations.engine.verify.result import CheckResult
from remediations.values.record import Record


class DoctorResult(Record, frozen=True, kw_only=True):
    """`lacking`: how many lines lack something."""

    lines: tuple[DoctorLine, ...]
    lacking: int


class InventoryResult(Record, frozen=True, kw_only=True):
    """`proposal` is a document of the domain (schema `proposal`)."""

    proposal: Any
    yaml: str
    file: str | None


class ListedInput(Record, frozen=True, kw_only=True):
    """A choice that a branch leaves to people."""

    name: str
    metavar: str
    help: str


class ListedBranch(Record, frozen=True, kw_only=True):
    """A branch of an installed playbook."""

    name: str
    title: str
    condition: str
    inputs: tuple[ListedInput, ...]


class ListedPlaybook(Record, frozen=True, kw_only=True):
    """An installed playbook."""

    domain: str
    id: str
    title: str
    alerts: tuple[str, ...]
    branches: tuple[ListedBranch, ...]
    distribution: str
    version: str


class ListedTrouble(Record, frozen=True, kw_only=True):
    """What is installed and not used."""

    name: str
    distribution: str
    version: str
    flaw: Flaw
    reason: str


class ListResult(Record, frozen=True, kw_only=True):
    """What is installed."""

    playbooks: tuple[ListedPlaybook, ...]
    systems: tuple[str, ...]
    troubles: tuple[ListedTrouble, ...]


class StagedHost(Record, frozen=True, kw_only=True):
    """Whether a host has the file; `why` is "" where it has."""

    host: str
    outcome: StageOutcome
    why: str


class StageResult(Record, frozen=True, kw_only=True):
    """A file on its hosts, by its SHA-256."""

    file: str
    digest: str
    bytes: int
    hosts: tuple[StagedHost, ...]


class PlanResult(Record, frozen=True, kw_only=True):
    """`finding` is there where there is nothing to do; then all others but `last_run` are null.
    `run` is null where a guard refuses the plan. `explained_by` names the domains whose trouble is
    to be resolved first."""

    plan: Plan | None
    digest: str | None
    change: str | None
    run: str | None
    last_run: UnprovenRun | None
    rehearsal: Rehearsed | None
    explained_by: tuple[str, ...]
    finding: Finding | msgspec.UnsetType = msgspec.UNSET


class ShowResult(Record, frozen=True, kw_only=True):
    """A plan with its digest and its change digest."""

    plan: Plan
    digest: str
    change: str


class ApproveResult(Record, frozen=True, kw_only=True):
    """`run` is null for the file of a plan."""

    run: str | None
    approval: Approval
    file: str


class ApprovalsResult(Record, frozen=True, kw_only=True):
    """`added` is the file in the run, null without --add."""

    run: str
    added: str | None
    tally: Tally


class ProofResult(Record, frozen=True, kw_only=True):
    """Of `apply`, `resume` and `verify`. `report` is null where it could not be written."""

    run: str
    doubts: tuple[str, ...]
    checks: tuple[CheckResult, ...]
    report: str | None


class ExportResult(Record, frozen=True, kw_only=True):
    """`digest` is the SHA-256 of the file."""

    manifest: RunManifest
    digest: str
    file: str


class ImportResult(Record, frozen=True, kw_only=True):
    """`plan` is its digest; `new` is false where the run was here already."""

    run: str
    plan: str
    new: bool


class StatusStep(Record, frozen=True, kw_only=True):
    """A step of a plan, or of what takes it back."""

    step: str
    target: str
    state: StepState


class StatusResult(Record, frozen=True, kw_only=True):
    """One run. `holds` are resources that it still holds after its end (docs/run.md#resume)."""

    run: str
    state: RunState
    message: str
    holds: tuple[str, ...]
    approved_by: tuple[ApprovedBy, ...]
    doubts: tuple[str, ...]
    steps: tuple[StatusStep, ...]


class StatusRow(Record, frozen=True, kw_only=True):
    """A run in the list; its state is `unreadable` where its files cannot be used."""

    run: str
    state: str
    message: str


class StoppedStep(Record, frozen=True, kw_only=True):
    """What became of a step when its run was stopped."""

    step: str
    target: str
    outcome: StopOutcome
    message: str
    undo: str


class StopResult(Record, frozen=True, kw_only=True):
    """Of `stop` and `abandon`. `recorded`: whether the journal here has it."""

    run: str
    recorded: bool
    steps: tuple[StoppedStep, ...]


class UndoResult(Record, frozen=True, kw_only=True):
    """What was taken back."""

    run: str
    state: RunState
    steps: tuple[StatusStep, ...]
    report: str


class FormerHolder(Record, frozen=True, kw_only=True):
    """Who held a resource."""

    number: int
    plan: str
    text: str


class StealResult(Record, frozen=True, kw_only=True):
    """`missing` are hosts that did not answer."""

    resource: str
    reason: str
    number: int
    hosts: tuple[str, ...]
    missing: tuple[str, ...]
    was: FormerHolder


class ReportResult(Record, frozen=True, kw_only=True):
    """`file` is null for an exported run."""

    report: Report
    file: str | None


class ExplainedRule(Record, frozen=True, kw_only=True):
    """A guard, check, condition, class or hazard."""

    id: str
    kind: str
    title: str
    page: str
    text: str


class ListedAlert(Record, frozen=True, kw_only=True):
    """One alert rule."""

    domain: str
    group: str
    alert: str
    expr: str
    waits: str = msgspec.field(name="for")
    severity: str
    playbook: str
    summary: str
    description: str
    command: str
    docs: str


class AlertsResult(Record, frozen=True, kw_only=True):
    """`yaml` is what is printed without `--json`."""

    yaml: str
    alerts: tuple[ListedAlert, ...]


class SchemaRow(Record, frozen=True, kw_only=True):
    """A document that has a schema."""

    name: str
    what: str


class SchemaResult(Record, frozen=True, kw_only=True):
    """A schema as text, since its own numbers are numbers."""

    name: str
    schema: str


class CompletionResult(Record, frozen=True, kw_only=True):
    """A script for a shell."""

    shell: str
    script: str


RESULTS: Mapping[str, Any] = {
    "doctor/1": DoctorResult,
    "inventory/1": InventoryResult,
    "list/1": ListResult,
    "stage/1": StageResult,
    "plan/1": PlanResult,
    "show/1": ShowResult,
    "approve/1": ApproveResult,
    "approvals/1": ApprovalsResult,
    "apply/1": ProofResult,
    "export/1": ExportResult,
    "import/1": ImportResult,
    "status/1": StatusResult | tuple[StatusRow, ...],
    "resume/1": ProofResult,
    "stop/1": StopResult,
    "abandon/1": StopResult,
    "undo/1": UndoResult,
    "steal/1": StealResult,
    "verify/1": ProofResult,
    "report/1": ReportResult,
    "alerts/1": AlertsResult,
    "explain/1": tuple[ExplainedRule, ...],
    "path/1": dict[str, str],
    "schema/1": SchemaResult | tuple[SchemaRow, ...],
    "completion/1": CompletionResult,
}
"""By command and version. What `diagnose`, `diff`, `whatif` and `plan --all` print has a schema of
its own name."""
