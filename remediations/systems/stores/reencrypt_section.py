"""Who seals anew, and with what: `stores.reencrypt` of an inventory.

stores:
  reencrypt:
    machine: vault-1            # the hostname where it is done, and nowhere else
    directory: reencrypt        # what was done with each object; yours alone (0700)
    private_keys:               # both halves: what is out opens, what takes its place is proved
      old: {file: old.key}
      new: {file: new.pem, passphrase_file: new.pass, backup: /mnt/safe/new.pem}
    several: data-key           # envelopes for several, soundly; left out: refused
    objects_per_second: 200     # that are written; left out: as fast as it goes
    mebibytes_per_second: 20    # that the job reads and writes, together
    nice: 10                    # of the processor; left out: 10

Files are relative to the inventory. Private keys are read where they are used, and kept nowhere.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from remediations.values.record import Record

if TYPE_CHECKING:  # YAML takes a while to load
    from remediations.engine.observe.inventory_table import InventoryTable

NICE = 10
_MOST_KEYS = 20
_MOST_RATE = 1_000_000
_NAME = re.compile("[a-z][a-z0-9-]{0,31}")
_MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


class Several(StrEnum):
    """Envelopes for several recipients: the chain's library of today cannot open what is sound
    (docs/stores.md#several-recipients)."""

    REFUSE = "refuse"
    DATA_KEY = "data-key"


class KeyFile(Record, frozen=True, kw_only=True):
    """Where a private key is stored. `backup` is a second copy, None if nobody named one."""

    name: str
    file: str
    passphrase_file: str | None
    backup: str | None


class ReencryptEntry(Record, frozen=True, kw_only=True):
    """What an inventory says of sealing anew. Rates are 0 where there is no limit."""

    machine: str
    directory: str
    private_keys: tuple[KeyFile, ...]
    several: Several
    objects_per_s: int
    mebibytes_per_s: int
    nice: int


def reencrypt_entry(table: InventoryTable) -> ReencryptEntry:
    """The table.

    Raises:
        UsageError: a key is missing, strange or wrong, with its line.
    """
    table.keys(
        required=("machine", "directory", "private_keys"),
        optional=("several", "objects_per_second", "mebibytes_per_second", "nice"),
    )
    directory = table.file("directory")
    assert directory is not None, "the key is required"
    keys = table.table("private_keys")
    if not 1 <= len(keys.content) <= _MOST_KEYS:
        raise table.wrong("private_keys", f"1 to {_MOST_KEYS} files, by name")
    return ReencryptEntry(
        machine=table.text("machine", _MACHINE, "a hostname, as `hostname` prints it there"),
        directory=directory,
        private_keys=tuple(_key(keys, name) for name in keys.content),
        several=table.choice("several", Several) if "several" in table else Several.REFUSE,
        objects_per_s=_rate(table, "objects_per_second", "objects"),
        mebibytes_per_s=_rate(table, "mebibytes_per_second", "MiB"),
        nice=table.whole_number("nice", 0, 19, default=NICE, unit="steps"),
    )


def _rate(table: InventoryTable, key: str, unit: str) -> int:
    return table.whole_number(key, 1, _MOST_RATE, default=0, unit=unit) if key in table else 0


def _key(keys: InventoryTable, name: object) -> KeyFile:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        expected = "a name of up to 32 small letters, digits and hyphens"
        raise keys.wrong(str(name)[:80], expected, str(name)[:80])
    table = keys.table(name)
    table.keys(required=("file",), optional=("passphrase_file", "backup"))
    file = table.file("file")
    assert file is not None, "the key is required"
    return KeyFile(
        name=name,
        file=file,
        passphrase_file=table.file("passphrase_file"),
        backup=table.file("backup"),
    )
