"""What an inventory says of a reader: the section `key-file` of its host.

hosts:
  reader1:
    ssh: reader1
    key-file:
      account: vault              # whose key it is: a name under `keys.accounts`, or an address
      file: /etc/vault/reader.key
      form: hex                   # raw | hex | base64 | pem
      owner: vault                # left out: root
      group: vault                # left out: root
      mode: "0440"                # "0400" | "0600" | "0440" | "0640"
      restart: vault.service      # or `reload: UNIT`, or `read_each_time: true`
      ready: http://127.0.0.1:8200/ready    # left out: nobody asks. Or a unit that has to be active
      ready_within_seconds: 60
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from remediations.engine.observe.inventory_section import InventorySection, SectionForm
from remediations.values.inventory import HostEntry
from remediations.values.names import HOME, UNIT
from remediations.values.part import Kinded

if TYPE_CHECKING:  # YAML takes a while to load
    from remediations.engine.observe.inventory_table import InventoryTable

SECTION = "key-file"
READY_WITHIN_S = 60
KEY_FILE = re.compile(rf"(?=/[^/]+/){HOME.pattern}")
"""An absolute path without `.` and `..`, not directly below the root."""
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
MODE = re.compile("0(400|600|440|640)")
READY = re.compile(
    r"http://(127(\.[0-9]{1,3}){3}|localhost|\[::1\]):[0-9]{1,5}(/[A-Za-z0-9_.:/-]{0,200})?"
    rf"|{UNIT.pattern}"
)
_ACCOUNT = re.compile("[a-z0-9][a-z0-9-]{0,89}")
_UNIT = "a systemd unit, as vault.service"


class Form(StrEnum):
    """How the file has the 32 bytes of the key."""

    RAW = "raw"
    HEX = "hex"
    BASE64 = "base64"
    PEM = "pem"


class Told(StrEnum):
    """How a reader is told of another key."""

    RESTART = "restart"
    RELOAD = "reload"
    READS_EACH_TIME = "read_each_time"


class ReaderEntry(Kinded, frozen=True, kw_only=True):
    """The reader of one host. `account` is whose key it reads with, `unit` who is told, "" where
    nobody has to be. `ready` is a URL of the host itself that answers 200, or a unit that is
    active, `ready_within_s` seconds after it was told; "" for none."""

    KIND: ClassVar[str] = "keyfile.host/1"

    account: str
    file: str
    form: Form
    owner: str
    group: str
    mode: str
    told: Told
    unit: str
    ready: str
    ready_within_s: int


def reader_of(entry: HostEntry) -> ReaderEntry:
    """The reader of a host that has the section."""
    part = entry.part(ReaderEntry.KIND)
    assert part is not None, "the system is read on hosts that have the section"
    return part.read(ReaderEntry)


def _reader(table: InventoryTable) -> ReaderEntry:
    told = _told(table)
    if "ready_within_seconds" in table and "ready" not in table:
        raise table.wrong("ready_within_seconds", "the key `ready` beside it")
    return ReaderEntry(
        account=table.text(
            "account", _ACCOUNT, "whose key it is: a name under `keys.accounts`, or an address"
        ),
        file=table.text(
            "file",
            KEY_FILE,
            "an absolute path of plain characters below a directory, as /etc/vault/reader.key",
        ),
        form=table.choice("form", Form),
        owner=table.optional("owner", USER, "the name of a user") or "root",
        group=table.optional("group", USER, "the name of a group") or "root",
        mode=table.text("mode", MODE, 'in quotes, one of "0400", "0600", "0440", "0640"'),
        told=told,
        unit="" if told is Told.READS_EACH_TIME else table.text(told.value, UNIT, _UNIT),
        ready=table.optional(
            "ready", READY, "a URL on loopback, as http://127.0.0.1:8200/ready, or a systemd unit"
        )
        or "",
        ready_within_s=table.whole_number(
            "ready_within_seconds", 1, 600, default=READY_WITHIN_S, unit="seconds"
        ),
    )


def _told(table: InventoryTable) -> Told:
    """By which one of the three keys that say so."""
    said = [one for one in Told if one.value in table]
    if len(said) != 1:
        names = ", ".join(f"`{one.value}`" for one in said) or "none of them"
        expected = "one of `restart: UNIT`, `reload: UNIT`, `read_each_time: true`"
        raise table.complaint(f"how the reader is told of a new key: {names}", expected)
    (told,) = said
    if told is Told.READS_EACH_TIME and table.content[told.value] is not True:
        raise table.wrong(told.value, "true, or the unit that is told: `restart` or `reload`")
    return told


KEY_FILE_SECTION = InventorySection(
    name=SECTION,
    host=SectionForm(
        kind=ReaderEntry,
        read=_reader,
        required=("account", "file", "form", "mode"),
        optional=(
            "owner",
            "group",
            "restart",
            "reload",
            "read_each_time",
            "ready",
            "ready_within_seconds",
        ),
    ),
)
