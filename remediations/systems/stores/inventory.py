"""The section `stores` of an inventory: which stores, where, and which file has the credentials.

stores:
  read_within_seconds: 60       # for going through one store
  places:
    vault: {kind: files, path: /srv/vault}
    blobs:
      kind: s3
      endpoint: https://s3.example.org
      bucket: blobs
      prefix: envelopes/
      access_key: AKEXAMPLE
      secret_key_file: s3.secret
    rows:
      kind: postgres
      host: db.example.org
      database: vault
      user: reader
      password_file: postgres.secret
      table: public.envelopes
      key_column: id
      value_column: envelope
      former_versions: retire   # keep | retire; left out: refused where there are any
      accept_damaged: 2         # so many objects may stay that no key opens; left out: none
    backups: {kind: files, path: /srv/backups, holds: nothing}
    scopes:
      kind: chain               # the chain's own state, which nothing here changes
      chain_id: virtengine-1
      endpoints: {sentry1: "http://10.0.0.11:26657", public: "https://rpc.example.org"}
      module: veid
      prefix: "02"              # of the keys there, in hex; "": all of the module
      accept_locked: 40         # so many that name a revoked key may stay there; left out: none
  reencrypt: {…}                # who seals anew, and with what (reencrypt_section.py)

Directories are those of the machine that runs `remediate`. Files are relative to the inventory.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Union

from remediations.engine.observe.inventory_section import InventorySection, SectionForm
from remediations.systems.stores.reencrypt_section import ReencryptEntry, reencrypt_entry
from remediations.values.endpoint import CHAIN_ID, ENDPOINT_URL, Endpoint
from remediations.values.inventory import Inventory
from remediations.values.part import Kinded
from remediations.values.record import Record
from remediations.values.wire import canonical

if TYPE_CHECKING:  # YAML takes a while to load
    from remediations.engine.observe.inventory_table import InventoryTable

SECTION = "stores"
READ_WITHIN_S = 60
_MOST_S = 3600
_MOST_PLACES = 50
_MOST_DAMAGED = 10_000
_MOST_LOCKED = 10_000_000
_RULES = ("holds", "former_versions", "accept_damaged")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?")
_PLAIN = re.compile(r"http://(127(\.[0-9]{1,3}){3}|localhost)(:[0-9]{1,5})?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[\x21-\x7e]{0,512}")
_WORD = re.compile(r"[\x21-\x7e]{1,128}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")
_TABLE = re.compile(rf"{_COLUMN.pattern}\.{_COLUMN.pattern}")
_MODULE = re.compile("[a-z][a-z0-9_]{0,31}")
_BYTES = re.compile("([0-9a-f]{2}){0,64}")
_MOST_ENDPOINTS = 20
_RPC = "http(s)://HOST:PORT of an RPC"
_PATH = re.compile(r"(/[A-Za-z0-9_.@+:,=-]+)+")


class Tls(StrEnum):
    """How PostgreSQL proves who it is. Only on loopback it need not."""

    VERIFY_FULL = "verify-full"
    NONE = "none"


class Holds(StrEnum):
    """What somebody declares that a place has. A scan judges it in either case."""

    ENVELOPES = "envelopes"
    NOTHING = "nothing"


class FormerVersions(StrEnum):
    """What becomes of versions that readers do not get and that name a revoked key. A version is
    not changed: it stays or goes, and with it what only it holds."""

    REFUSE = "refuse"
    KEEP = "keep"
    RETIRE = "retire"


class PlaceRules(Record, frozen=True, kw_only=True):
    """What people decided for a place. `accept_damaged` is how many objects may stay that no key
    opens, `accept_locked` how many under a revoked key that cannot be sealed anew from here."""

    holds: Holds = Holds.ENVELOPES
    former_versions: FormerVersions = FormerVersions.REFUSE
    accept_damaged: int = 0
    accept_locked: int = 0


class FilesPlace(Record, frozen=True, kw_only=True, tag_field="kind", tag="files"):
    """A directory of this machine."""

    name: str
    path: str
    rules: PlaceRules = PlaceRules()


class BucketPlace(Record, frozen=True, kw_only=True, tag_field="kind", tag="s3"):
    """A bucket, or what lies below a prefix of it. The secret key is in a file."""

    name: str
    endpoint: str
    bucket: str
    prefix: str
    region: str
    access_key: str
    secret_key_file: str
    ca_file: str | None
    rules: PlaceRules = PlaceRules()


class TablePlace(Record, frozen=True, kw_only=True, tag_field="kind", tag="postgres"):
    """A column of a table. The password is in a file."""

    name: str
    host: str
    port: int
    database: str
    user: str
    password_file: str
    table: str
    key_column: str
    value_column: str
    tls: Tls
    ca_file: str | None
    rules: PlaceRules = PlaceRules()


class ChainPlace(Record, frozen=True, kw_only=True, tag_field="kind", tag="chain"):
    """Records of one module in a chain's own state, below a prefix (hex)."""

    name: str
    chain_id: str
    endpoints: tuple[Endpoint, ...]
    module: str
    prefix: str
    rules: PlaceRules = PlaceRules()


Place = Union[FilesPlace, BucketPlace, TablePlace, ChainPlace]


def place_text(place: Place) -> str:
    """A place and its rules in one form, as it stands in a plan: without any secret, since an
    inventory has none."""
    return canonical(place).decode()


class StoresEntry(Kinded, frozen=True, kw_only=True):
    """The stores of an inventory, in its order."""

    KIND: ClassVar[str] = "stores.places/1"

    read_within_s: int
    places: tuple[Place, ...]
    reencrypt: ReencryptEntry | None = None

    def place(self, store: str) -> Place | None:
        """The place of that name, None if there is none."""
        return next((one for one in self.places if one.name == store), None)


def stores_of(inventory: Inventory) -> StoresEntry:
    """The stores; none where the inventory does not have the section."""
    part = inventory.part(StoresEntry.KIND)
    if part is None:
        return StoresEntry(read_within_s=READ_WITHIN_S, places=())
    return part.read(StoresEntry)


def _stores(table: InventoryTable) -> StoresEntry:
    places, names = table.table("places"), table.names("places", _MOST_PLACES)
    return StoresEntry(
        read_within_s=table.whole_number(
            "read_within_seconds", 1, _MOST_S, default=READ_WITHIN_S, unit="seconds"
        ),
        places=tuple(_place(places, name) for name in names),
        reencrypt=reencrypt_entry(table.table("reencrypt")) if "reencrypt" in table else None,
    )


def _place(places: InventoryTable, name: str) -> Place:
    table = places.table(name)
    readers = {"files": _files, "s3": _bucket, "postgres": _table, "chain": _chain}
    kind = table.content.get("kind")
    if not isinstance(kind, str) or kind not in readers:
        raise table.complaint(f"kind: {kind}", f"kind: {' | '.join(readers)}")
    return readers[kind](name, table)


def _rules(table: InventoryTable) -> PlaceRules:
    given, former = "holds" in table, "former_versions" in table
    return PlaceRules(
        holds=table.choice("holds", Holds) if given else Holds.ENVELOPES,
        former_versions=table.choice("former_versions", FormerVersions)
        if former
        else FormerVersions.REFUSE,
        accept_damaged=table.whole_number(
            "accept_damaged", 0, _MOST_DAMAGED, default=0, unit="objects"
        ),
        accept_locked=table.whole_number(
            "accept_locked", 0, _MOST_LOCKED, default=0, unit="objects"
        ),
    )


def _files(name: str, table: InventoryTable) -> Place:
    table.keys(required=("kind", "path"), optional=_RULES)
    path = table.text("path", _PATH, "the absolute path of a directory, of plain characters")
    return FilesPlace(name=name, path=path, rules=_rules(table))


def _bucket(name: str, table: InventoryTable) -> Place:
    table.keys(
        required=("kind", "endpoint", "bucket", "access_key", "secret_key_file"),
        optional=("prefix", "region", "ca_file", *_RULES),
    )
    endpoint = table.text("endpoint", _ENDPOINT, "https://HOST or https://HOST:PORT")
    if endpoint.startswith("http:") and not _PLAIN.fullmatch(endpoint):
        raise table.wrong("endpoint", "https://; http:// is for this machine alone")
    return BucketPlace(
        name=name,
        endpoint=endpoint,
        bucket=table.text("bucket", _BUCKET, "the name of a bucket"),
        prefix=table.optional("prefix", _PREFIX, "a prefix of visible ASCII characters") or "",
        region=table.optional("region", _WORD, "the name of a region") or "us-east-1",
        access_key=table.text("access_key", _WORD, "the id of an access key"),
        secret_key_file=_secret(table, "secret_key_file"),
        ca_file=table.file("ca_file"),
        rules=_rules(table),
    )


def _table(name: str, table: InventoryTable) -> Place:
    table.keys(
        required=(
            "kind", "host", "database", "user", "password_file", "table", "key_column",
            "value_column",
        ),
        optional=("port", "tls", "ca_file", *_RULES),
    )  # fmt: skip
    tls = table.choice("tls", Tls) if "tls" in table else Tls.VERIFY_FULL
    host = table.text("host", _HOST, "the name of a host")
    if tls is Tls.NONE and not _PLAIN.fullmatch(f"http://{host}"):
        raise table.wrong("tls", "verify-full; none is for this machine alone")
    return TablePlace(
        name=name,
        host=host,
        port=table.whole_number("port", 1, 65535, default=5432, unit="a port"),
        database=table.text("database", _WORD, "the name of a database"),
        user=table.text("user", _WORD, "the name of a user"),
        password_file=_secret(table, "password_file"),
        table=table.text("table", _TABLE, "SCHEMA.TABLE"),
        key_column=table.text("key_column", _COLUMN, "the name of a column"),
        value_column=table.text("value_column", _COLUMN, "the name of a column"),
        tls=tls,
        ca_file=table.file("ca_file"),
        rules=_rules(table),
    )


def _chain(name: str, table: InventoryTable) -> Place:
    table.keys(
        required=("kind", "chain_id", "endpoints", "module", "prefix"),
        optional=("holds", "accept_damaged", "accept_locked"),
    )
    given, names = table.table("endpoints"), table.names("endpoints", _MOST_ENDPOINTS)
    return ChainPlace(
        name=name,
        chain_id=table.text("chain_id", CHAIN_ID, "the id of a chain"),
        endpoints=tuple(
            Endpoint(name=one, url=given.text(one, ENDPOINT_URL, _RPC)) for one in names
        ),
        module=table.text("module", _MODULE, "the name of a module's store, such as veid"),
        prefix=table.text("prefix", _BYTES, "an even number of hex digits in quotes"),
        rules=_rules(table),
    )


def _secret(table: InventoryTable, key: str) -> str:
    path = table.file(key)
    assert path is not None, "the key is there"
    return path


STORES_SECTION = InventorySection(
    name=SECTION,
    whole=SectionForm(
        kind=StoresEntry,
        read=_stores,
        required=("places",),
        optional=("read_within_seconds", "reencrypt"),
    ),
)
