"""What a program must know that exchanges the model of a service, checked strictly before it
reaches a shell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from remediations.systems.hosts.host_data import described_by
from remediations.systems.hosts.probe import Probe, file_kept, model_served
from remediations.systems.hosts.unit_parts import DEPENDANT_UNITS
from remediations.values.lines import parse_number
from remediations.values.names import HOME, UNIT

DEFAULT_STOP_S = 90
STOP_MARGIN_S = 15
MOST_FILES = 200
_SHA256 = re.compile("[0-9a-f]{64}")
_MAYBE_SHA256 = re.compile("([0-9a-f]{64})?")
_INVOCATION = re.compile("([0-9a-f]{32})?")
_LINE = re.compile(r"(0|[1-9][0-9]{0,11}) [A-Za-z0-9_@+=,-][A-Za-z0-9_.@+=,/-]{0,199}")


class PlannedModelError(ValueError):
    """A value is malformed. The message names the field."""


@dataclass(frozen=True, kw_only=True)
class PlannedModel:
    """The model that the service of `unit` gets, or gives.

    `model` is the directory, `sha256` the new hash, `replaces` that of what lies there now.
    `manifest` has a line for each file: its bytes and its path, in the order of paths, joined by
    `;`. `expects` is the hash that the unit's command expects, "" for none. `invocation` is the one
    that is ended, "" for any. `dependants` are the active units that systemd stops with this one,
    separated by blanks.

    Raises:
        PlannedModelError: a field is malformed.
    """

    unit: str
    model: str
    sha256: str
    manifest: str
    replaces: str = ""
    expects: str = ""
    invocation: str = ""
    dependants: str = ""
    stop_timeout_s: int = 0

    def __post_init__(self) -> None:
        for name, pattern in (
            ("unit", UNIT),
            ("model", HOME),
            ("sha256", _SHA256),
            ("replaces", _MAYBE_SHA256),
            ("expects", _MAYBE_SHA256),
            ("invocation", _INVOCATION),
            ("dependants", DEPENDANT_UNITS),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedModelError(f"{name} is {value!r}, which is malformed")
        if type(self.stop_timeout_s) is not int or not 0 <= self.stop_timeout_s <= 3600:
            raise PlannedModelError("stop_timeout_s is not a number of seconds up to an hour")
        if self.model.count("/") < 2:
            raise PlannedModelError("model is a directory of the root")
        check_manifest(self.manifest)

    @property
    def stop_limit_s(self) -> int:
        """Seconds that the stop may take."""
        return (self.stop_timeout_s or DEFAULT_STOP_S) + STOP_MARGIN_S

    @property
    def served(self) -> Probe:
        """Asks whether the model lies there, below a process that was started since."""
        return model_served(self.unit, self.invocation, self.model, self.sha256)

    @property
    def served_before(self) -> Probe:
        """Asks the same of the model of before."""
        return model_served(self.unit, "", self.model, self.replaces)

    @property
    def kept(self) -> Probe:
        """Asks whether the model's one file is kept."""
        return file_kept(self.sha256)

    @property
    def aside(self) -> str:
        """Where the old model stays."""
        parent, _, name = self.model.rpartition("/")
        return f"{parent}/.{name}.remediate-{self.replaces[:16]}"

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedModel:
        """What host data describe; keys that are not fields are ignored.

        Raises:
            PlannedModelError: a field is missing or malformed.
        """
        return described_by(data, cls, PlannedModelError)

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedModel:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedModelError: a field is missing or malformed.
        """
        try:
            number = parse_number(words.get("stop_timeout_s", "0"))
        except ValueError as error:
            raise PlannedModelError(f"stop_timeout_s: {error}") from error
        return cls.from_data({**words, "stop_timeout_s": number})


def check_manifest(manifest: str) -> None:
    """Do nothing where it has one to `MOST_FILES` files, with plain paths that do not climb, in
    their order.

    Raises:
        PlannedModelError: something of it is otherwise.
    """
    lines = manifest.split(";") if isinstance(manifest, str) else []
    if not lines or len(lines) > MOST_FILES:
        raise PlannedModelError(f"manifest has no files, or more than {MOST_FILES}")
    paths = [line.partition(" ")[2] for line in lines]
    parts = {part for path in paths for part in path.split("/")}
    if not all(map(_LINE.fullmatch, lines)) or parts & {"", ".", "..", "export_metadata.json"}:
        raise PlannedModelError("manifest has a line that is not the bytes and the path of a file")
    if paths != sorted(set(paths)):
        raise PlannedModelError("manifest is not in the order of paths, each once")
