"""What a program must know that exchanges the key file of a reader, checked strictly before it
reaches a shell. It knows fingerprints of public halves, and no key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from remediations.systems.hosts.host_data import described_by
from remediations.systems.hosts.probe import Probe, key_file_is, room_freed
from remediations.systems.keyfile.inventory import KEY_FILE, MODE, USER, Form, Told
from remediations.values.names import UNIT

STAGED = "/var/lib/remediate/keys"
"""Where people bring a new private key on a host: 32 bytes under the name of its fingerprint, which
only root can read. `tools/deliver_key.py` does."""
_FINGERPRINT = re.compile("[0-9a-f]{40}")
_MARK = re.compile("([0-9a-f]{32}|[0-9]{1,18})?")
_FORM = re.compile("|".join(Form))
_TOLD = re.compile("|".join(Told))
_MAYBE_UNIT = re.compile(f"({UNIT.pattern})?")


def former_path(file: str, fingerprint: str) -> str:
    """Where a key that was in use in `file` stays."""
    directory, _, name = file.rpartition("/")
    return f"{directory}/.{name}.remediate-{fingerprint}"


class PlannedKeyFileError(ValueError):
    """A value is malformed. The message names the field."""


@dataclass(frozen=True, kw_only=True)
class PlannedKeyFile:
    """The key file that is exchanged: `old` lies there, `new` takes its place.

    `told` is how `unit` ("" for none) is told; `mark` is what has to be another one afterwards: the
    invocation of the unit, or for a reload the time of its last change of state; "" for nothing.

    Raises:
        PlannedKeyFileError: a field is malformed.
    """

    file: str
    form: str
    owner: str
    group: str
    mode: str
    told: str
    unit: str
    mark: str
    old: str
    new: str

    def __post_init__(self) -> None:
        for name, pattern in (
            ("file", KEY_FILE),
            ("form", _FORM),
            ("owner", USER),
            ("group", USER),
            ("mode", MODE),
            ("told", _TOLD),
            ("unit", _MAYBE_UNIT),
            ("mark", _MARK),
            ("old", _FINGERPRINT),
            ("new", _FINGERPRINT),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedKeyFileError(f"{name} is {value!r}, which is malformed")
        if bool(self.unit) is (self.told == Told.READS_EACH_TIME):
            raise PlannedKeyFileError(f"unit is {self.unit!r}, and told is {self.told}")
        if self.old == self.new:
            raise PlannedKeyFileError("new is the same as old")

    @property
    def former(self) -> str:
        """Where the key that was in use stays, for root alone."""
        return former_path(self.file, self.old)

    @property
    def has_new(self) -> Probe:
        """Asks whether the reader has the new key, and was told."""
        return key_file_is(self.unit, self.mark, self.file, self.form, self.new)

    @property
    def has_old(self) -> Probe:
        """Asks whether it has the old one again, and runs."""
        return key_file_is(self.unit, "", self.file, self.form, self.old)

    @property
    def retired(self) -> Probe:
        """Asks whether the old one is gone."""
        return room_freed(0, (self.former,))

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedKeyFile:
        """What host data describe; keys that are not fields are ignored.

        Raises:
            PlannedKeyFileError: a field is missing or malformed.
        """
        return described_by(data, cls, PlannedKeyFileError)
