"""`remediate schema [NAME]`: the JSON Schema of every document that is written or printed, and of
every part that the installed systems and domains put into them.

The schemas are made from the types that are encoded, and describe their canonical JSON
(`remediations.values.wire`): integers are decimal strings, and every member is present, but what
has its default in values that leave it out (`omit_defaults`). The schema of a document describes
only what all parts have in common; the content of a part is described by the schema with the name
of its kind.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import click
import msgspec

from remediations.cli.options import json_option
from remediations.cli.output import CommandResult
from remediations.engine.approve.approval import Approval
from remediations.engine.approve.tally import Tally
from remediations.engine.catalogue import catalogue
from remediations.engine.diff.difference import ObservationDiff
from remediations.engine.doctor.line import DoctorLine
from remediations.engine.find.finding import Finding
from remediations.engine.installed_systems import installed_systems
from remediations.engine.observe.observation import OBSERVATION_FORMAT, Observation
from remediations.engine.plan.change import PlanDiff
from remediations.engine.plan.overview import PlanOverview
from remediations.engine.plan.plan import PLAN_FORMAT, Plan
from remediations.engine.plan.rehearsal import Rehearsed
from remediations.engine.report.report import Report
from remediations.engine.runs.archive import ARCHIVE_FORMAT, RunManifest
from remediations.engine.runs.history import UnprovenRun
from remediations.engine.runs.records import JOURNAL_FORMAT, JournalEntry, RunBegan
from remediations.engine.verify.result import CheckResult
from remediations.engine.whatif.projection import Projection
from remediations.errors import ExitCode, UsageError
from remediations.machine.config import load_machine_config
from remediations.render.printable import one_line
from remediations.values.inventory import Inventory
from remediations.values.part import KIND, Kinded, Part
from remediations.values.record import Moment, Record

Schema = dict[str, Any]
"""One JSON Schema: a JSON object, which has no narrower type."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
INTEGER = "^(0|-?[1-9][0-9]*)$"
MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?Z$"
"""Times are written in UTC."""

FORMATS = {
    Observation.__name__: OBSERVATION_FORMAT,
    Plan.__name__: PLAN_FORMAT,
    RunBegan.__name__: JOURNAL_FORMAT,
    RunManifest.__name__: ARCHIVE_FORMAT,
}
"""The value that the member `format` of each must have."""

_OBJECT: Schema = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Tree"}}
_TREE: Schema = {
    "description": "defined by the kind; numbers are decimal strings",
    "anyOf": [
        {"type": ["null", "boolean", "string"]},
        {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
        _OBJECT,
    ],
}
"""The value of a part, as far as all parts have it in common."""

_MODULE = re.compile(r"remediations(?:\.[a-z_]+)+\.(?=[A-Z])")


class JsonError(Record, frozen=True, kw_only=True):
    """What went wrong, as `remediations.cli.exits` prints it."""

    what: str
    guard: str
    got: str
    expected: str
    next: str


class JsonOutput(Record, frozen=True, kw_only=True):
    """What every command prints with `--json`: `result` is null if `error` is not."""

    error: JsonError | None
    exit_code: ExitCode
    outcome: str
    result: Any


class Concluded(Record, frozen=True, kw_only=True):
    """The conclusion of one domain: for people, and in its own terms, null if it failed.
    `explained_by` names the domains that explain it; `observed_at` is when the hosts had been read,
    `last_run` the last run on the same resource, null if that was verified, or was days ago."""

    finding: Finding
    detail: Part | None
    explained_by: tuple[str, ...]
    observed_at: Moment | None = None
    last_run: UnprovenRun | None = None


@dataclass(frozen=True, kw_only=True)
class DocumentType:
    """One type of document, and what it is."""

    kind: Any
    what: str


_ENGINE: Mapping[str, DocumentType] = {
    "observation": DocumentType(
        kind=Observation, what="everything that was read in one look at the world"
    ),
    "inventory": DocumentType(kind=Inventory, what="the hosts of a run, in its inventory.json"),
    "finding": DocumentType(kind=Finding, what="what a domain concludes, for people"),
    "diagnosis": DocumentType(
        kind=tuple[Concluded, ...], what="what `diagnose` prints with --json"
    ),
    "diff": DocumentType(
        kind=ObservationDiff, what="what changed between two observations, as `diff` prints it"
    ),
    "plan-diff": DocumentType(kind=PlanDiff, what="in what two plans differ, as `diff` prints it"),
    "whatif": DocumentType(
        kind=tuple[Projection, ...], what="what would happen, as `whatif` prints it with --json"
    ),
    "rehearsal": DocumentType(
        kind=Rehearsed, what="what came of a rehearsal, in what `plan --rehearse` prints"
    ),
    "plan": DocumentType(kind=Plan, what="one reviewed change, complete"),
    "plan-all": DocumentType(
        kind=PlanOverview, what="what could be done now, as `plan --all` prints it with --json"
    ),
    "approval": DocumentType(kind=Approval, what="a signed statement about one plan"),
    "manifest": DocumentType(kind=RunManifest, what="what is in an exported run"),
    "tally": DocumentType(kind=Tally, what="the approvals of a plan, as `approvals` prints them"),
    "journal-entry": DocumentType(kind=JournalEntry, what="one line of journal.jsonl"),
    "checks": DocumentType(kind=tuple[CheckResult, ...], what="what the last verification found"),
    "report": DocumentType(kind=Report, what="one run, complete"),
    "part": DocumentType(kind=Part, what="what a system or a domain put into any of these"),
    "doctor-line": DocumentType(kind=DoctorLine, what="one line of `doctor`"),
    "answer": DocumentType(kind=JsonOutput, what="what every command prints with --json"),
    "error": DocumentType(kind=JsonError, what="the error in such an answer"),
}


@cache
def document_types() -> Mapping[str, DocumentType]:
    """All types of documents by name: the engine's, and those that installed domains add."""
    loads = [d.discovery for d in catalogue(load_machine_config()).domains if d.discovery]
    proposals = [
        DocumentType(kind=load().document, what="the inventory that `inventory discover` proposes")
        for load in loads
    ]
    return {**_ENGINE, "proposal": proposals[0]} if proposals else _ENGINE


@cache
def result_types() -> Mapping[str, DocumentType]:
    """The `result` of each command, by name and version."""
    # Imported here: it needs what stops, verifies and reports, and the schema of a plan does not.
    from remediations.cli.results import RESULTS

    return {
        f"result-{name}": DocumentType(
            kind=kind, what=f"`result` of `{name.partition('/')[0]}` with --json"
        )
        for name, kind in RESULTS.items()
    }


@cache
def part_types() -> Mapping[str, DocumentType]:
    """All parts that an installed system reads or is told by an inventory, or that an installed
    domain writes, by kind."""
    config = load_machine_config()
    systems = installed_systems(config)
    found = [system.kind for system in systems.systems]
    found += [kind for section in systems.inventory_sections for kind in section.kinds]
    found += [kind for domain in catalogue(config).domains for kind in domain.kinds]
    return {kind.KIND: DocumentType(kind=kind, what=_told_of(kind)) for kind in found}


def _told_of(kind: type[Kinded]) -> str:
    """What a part is: the first line of its own docstring. Its name says who owns it."""
    first = (inspect.getdoc(kind) or kind.__name__).partition("\n")[0]
    return one_line(f"part: {first}")


@click.command("schema", help="Print the JSON Schema of a document or a part, or list them all.")
@click.argument("name", metavar="[NAME]", required=False)
@json_option
def command(name: str | None) -> CommandResult:
    """Exit 0. With --json the schema is a string: its own numbers are not decimal strings."""
    every = {**document_types(), **result_types(), **part_types()}
    if name is None:
        return CommandResult(
            exit_code=ExitCode.OK,
            document=[{"name": one, "what": kind.what} for one, kind in every.items()],
            text="\n".join(f"{one:<18} {kind.what}" for one, kind in every.items())
            + "\n\nnext: remediate schema NAME",
        )
    if name not in every:
        raise UsageError(
            f"there is no document {name!r}",
            guard="document",
            got=name,
            expected=", ".join(every),
            next_step="remediate schema",
        )
    text = json.dumps(json_schema(name, every[name]), indent=2, ensure_ascii=False)
    return CommandResult(
        exit_code=ExitCode.OK,
        document={"name": name, "schema": text},
        text=text,
    )


def json_schema(name: str, document: DocumentType) -> Schema:
    """The schema of a document."""
    (made,), components = msgspec.json.schema_components(
        [document.kind], ref_template="#/$defs/{name}"
    )
    defined = {_named(part): _true(schema) for part, schema in components.items()}
    for one in FORMATS.keys() & defined.keys():
        if "format" in defined[one]["properties"]:
            defined[one]["properties"]["format"] = {"const": str(FORMATS[one])}
    if document.kind is JsonOutput:
        defined[JsonOutput.__name__]["oneOf"] = [_ending(code) for code in ExitCode]
    if "Part" in defined:
        defined["Part"]["properties"]["kind"]["pattern"] = f"^{KIND.pattern}$"
        defined["Part"]["properties"]["value"] = _OBJECT
        defined["Tree"] = _TREE
    return {
        "$schema": DIALECT,
        "title": name,
        "description": document.what,
        **_true(made),
        "$defs": defined,
    }


def _ending(code: ExitCode) -> Schema:
    """An exit code and its name belong together."""
    return {
        "properties": {
            "exit_code": {"const": str(int(code))},
            "outcome": {"const": code.name.lower()},
        }
    }


def _true(schema: Schema) -> Schema:
    """A schema by msgspec, changed to describe canonical JSON."""
    if schema.get("type") == "integer":
        return _integer(schema)
    if schema.get("format") == "date-time":
        return {**schema, "pattern": MOMENT}
    made = {key: value for key, value in schema.items() if key not in ("default", "discriminator")}
    if "description" in made:
        made["description"] = " ".join(made["description"].split())
    if "title" in made:
        made["title"] = _MODULE.sub("", made["title"])
    if "$ref" in made:
        made["$ref"] = _named(made["$ref"])
    if "enum" in made:
        made["enum"] = [str(value) for value in made["enum"]]
    if "properties" in made:
        made["properties"] = {name: _true(part) for name, part in made["properties"].items()}
        if made.get("title") not in _leaving_out(Record):
            unset = _unset(Record).get(made.get("title", ""), frozenset())
            # Defaults are written, too, and what is unset is not.
            made["required"] = [name for name in made["properties"] if name not in unset]
    for key in ("anyOf", "prefixItems"):
        if key in made:
            made[key] = [_true(part) for part in made[key]]
    if isinstance(made.get("items"), dict):
        made["items"] = _true(made["items"])
    return made


def _leaving_out(kind: type[Record]) -> set[str]:
    """The names of the values below `kind` that are written without what has its default."""
    found = {kind.__name__} if kind.__struct_config__.omit_defaults else set()
    return found.union(*(_leaving_out(one) for one in kind.__subclasses__()))


def _unset(kind: type[Record]) -> dict[str, frozenset[str]]:
    """Name of a value below `kind` → its fields that are left out where they were not read."""
    fields = zip(
        reversed(kind.__struct_encode_fields__), reversed(kind.__struct_defaults__), strict=False
    )
    found = {kind.__name__: frozenset(name for name, default in fields if default is msgspec.UNSET)}
    for one in kind.__subclasses__():
        found.update(_unset(one))
    return found


def _integer(schema: Schema) -> Schema:
    """A decimal string. Its bounds are only described: JSON Schema compares numbers only."""
    bounds = [f"{key} {schema[key]}" for key in ("minimum", "maximum") if key in schema]
    made: Schema = {"type": "string", "pattern": INTEGER}
    if bounds:
        made["description"] = f"an integer: {', '.join(bounds)}"
    return made


def _named(reference: str) -> str:
    """The name of a type without its module, which is not part of the interface."""
    return _MODULE.sub("", reference)
