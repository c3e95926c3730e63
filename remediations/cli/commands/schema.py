"""`remediate schema [NAME]`: the JSON Schema of every document that is written or printed.

The schemas are made from the very types that are encoded, and say what canonical JSON
(`remediations.values.wire`) makes of them: integers are decimal strings, and every member is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import click
import msgspec

from remediations.cli.answer import Answer
from remediations.cli.options import json_option
from remediations.engine.approve.approval import Approval
from remediations.engine.catalogue import catalogue
from remediations.engine.doctor.line import Line
from remediations.engine.find.finding import Finding
from remediations.engine.observe.observation import OBSERVATION_FORMAT, Observation
from remediations.engine.plan.plan import PLAN_FORMAT, Plan
from remediations.engine.report.report import Report
from remediations.engine.runs.records import Entry
from remediations.engine.verify.result import CheckResult
from remediations.errors import ExitCode, UsageError
from remediations.machine.config import load_machine_config
from remediations.values.inventory import Inventory
from remediations.values.record import Record

Schema = dict[str, Any]
"""One JSON Schema: a JSON object, which has no narrower type."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
INTEGER = "^(0|-?[1-9][0-9]*)$"
MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?Z$"
"""What is written is UTC."""

_MODULE = re.compile(r"remediations(?:\.[a-z_]+)+\.(?=[A-Z])")


class Failure(Record, frozen=True, kw_only=True):
    """What went wrong, as `remediations.cli.exits` prints it."""

    what: str
    guard: str
    got: str
    expected: str
    next: str


class Printed(Record, frozen=True, kw_only=True):
    """What every command prints with `--json`: `result` is null where `error` is not."""

    error: Failure | None
    exit_code: ExitCode
    outcome: str
    result: Any


@dataclass(frozen=True, kw_only=True)
class Document:
    """One kind of document. `version` is what its member `format` must be, None without one."""

    kind: Any
    what: str
    version: int | None = None


_ENGINE: Mapping[str, Document] = {
    "observation": Document(
        kind=Observation,
        what="everything that was read in one look at all hosts",
        version=OBSERVATION_FORMAT,
    ),
    "inventory": Document(kind=Inventory, what="the hosts of a run, in its inventory.json"),
    "finding": Document(kind=Finding, what="what `diagnose` concludes"),
    "plan": Document(kind=Plan, what="one reviewed change, complete", version=PLAN_FORMAT),
    "approval": Document(kind=Approval, what="a signed statement about one plan"),
    "journal-entry": Document(kind=Entry, what="one line of journal.jsonl"),
    "checks": Document(kind=tuple[CheckResult, ...], what="what the last verification found"),
    "report": Document(kind=Report, what="one run, complete"),
    "doctor-line": Document(kind=Line, what="one line of `doctor`"),
    "answer": Document(kind=Printed, what="what every command prints with --json"),
    "error": Document(kind=Failure, what="the error in such an answer"),
}


@cache
def documents() -> Mapping[str, Document]:
    """All documents by name: the engine's, and what the installed domains add."""
    loads = [d.discovery for d in catalogue(load_machine_config()).domains if d.discovery]
    proposals = [
        Document(kind=load().document, what="the inventory that `inventory discover` proposes")
        for load in loads
    ]
    return {**_ENGINE, "proposal": proposals[0]} if proposals else _ENGINE


@click.command("schema", help="Print the JSON Schema of a document, or list the documents.")
@click.argument("name", metavar="[NAME]", required=False)
@json_option
def command(name: str | None) -> Answer:
    """Exit 0. With --json the schema is a text: its own numbers are no decimal strings."""
    if name is None:
        return Answer(
            exit_code=ExitCode.OK,
            document=[{"name": name, "what": kind.what} for name, kind in documents().items()],
            text="\n".join(f"{name:<14} {kind.what}" for name, kind in documents().items())
            + "\n\nnext: remediate schema NAME",
        )
    if name not in documents():
        raise UsageError(
            f"there is no document {name!r}",
            guard="document",
            got=name,
            expected=", ".join(documents()),
            next_step="remediate schema",
        )
    text = json.dumps(schema_of(name), indent=2, ensure_ascii=False)
    return Answer(
        exit_code=ExitCode.OK,
        document={"name": name, "schema": text},
        text=text,
    )


def schema_of(name: str) -> Schema:
    """The schema of the document called `name`.

    Raises:
        KeyError: there is none.
    """
    document = documents()[name]
    (made,), parts = msgspec.json.schema_components([document.kind], ref_template="#/$defs/{name}")
    parts = {_named(part): _true(schema) for part, schema in parts.items()}
    top = _true(made)
    if document.version is not None:
        parts[top["$ref"].rpartition("/")[2]]["properties"]["format"] = {
            "const": str(document.version)
        }
    if document.kind is Printed:
        parts["Printed"]["oneOf"] = [_ending(code) for code in ExitCode]
    return {"$schema": DIALECT, "title": name, "description": document.what, **top, "$defs": parts}


def _ending(code: ExitCode) -> Schema:
    """An exit code and its name belong together."""
    return {
        "properties": {
            "exit_code": {"const": str(int(code))},
            "outcome": {"const": code.name.lower()},
        }
    }


def _true(schema: Schema) -> Schema:
    """What msgspec says of a value, made to say it of that value's canonical JSON."""
    if schema.get("type") == "integer":
        return _integer(schema)
    if schema.get("format") == "date-time":
        return {**schema, "pattern": MOMENT}
    made = {key: value for key, value in schema.items() if key not in ("default", "discriminator")}
    if "title" in made:
        made["title"] = _MODULE.sub("", made["title"])
    if "$ref" in made:
        made["$ref"] = _named(made["$ref"])
    if "enum" in made:
        made["enum"] = [str(value) for value in made["enum"]]
    if "properties" in made:
        made["properties"] = {name: _true(part) for name, part in made["properties"].items()}
        made["required"] = list(made["properties"])  # defaults are written, too
    for key in ("anyOf", "prefixItems"):
        if key in made:
            made[key] = [_true(part) for part in made[key]]
    if isinstance(made.get("items"), dict):
        made["items"] = _true(made["items"])
    return made


def _integer(schema: Schema) -> Schema:
    """A decimal string. Its bounds are words: JSON Schema compares numbers only."""
    bounds = [f"{key} {schema[key]}" for key in ("minimum", "maximum") if key in schema]
    made: Schema = {"type": "string", "pattern": INTEGER}
    if bounds:
        made["description"] = f"an integer: {', '.join(bounds)}"
    return made


def _named(reference: str) -> str:
    """A part's name without the module that its type lives in, which nobody need know."""
    return _MODULE.sub("", reference)
