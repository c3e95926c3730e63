"""The section `sessions` of an inventory: what is reset when a key is out, and what tells so.

sessions:
  machine: vault-1              # as `hostname` prints it there: calls are made there alone
  directory: sessions           # what was called; yours alone (0700)
  items:
    portal:
      what: every session of the portal ends, people log in again
      call: {method: POST, url: "https://portal.example.org/sessions/end", body: {reason: incident}}
      probe: {url: "https://portal.example.org/sessions", pointer: /not_before, at_least: began}
      token_file: portal.token  # one line, yours alone (0600); its bearer
      ca_file: portal-ca.pem
    database:
      what: the application gets another password of the database
      call: {run: [/usr/local/sbin/rotate-password, application], within_seconds: 60}
      probe: {run: [/usr/local/sbin/password-is-new, application]}
      done_within_seconds: 30   # after the call
      keys: [ab…]               # the keys that it concerns; left out: every key

Nothing secret belongs here: all of it stands in plans. Files are relative to the inventory.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Union
from urllib.parse import urlsplit

from remediations.engine.observe.inventory_section import InventorySection, SectionForm
from remediations.systems.sessions.inventory_lists import (
    equal_value,
    fingerprints,
    json_body,
    program_and_arguments,
)
from remediations.values.inventory import Inventory
from remediations.values.part import Kinded
from remediations.values.record import Record
from remediations.values.wire import canonical, decode

if TYPE_CHECKING:  # YAML takes a while to load
    from remediations.engine.observe.inventory_table import InventoryTable

SECTION = "sessions"
BEGAN = "began"
"""The one word after `at_least`: the time at which the plan was read."""
CALL_S, RUN_S, PROBE_S, DONE_S = 10, 60, 10, 30
"""Seconds where nobody says otherwise."""
_MOST_CALL_S, _MOST_PROBE_S, _MOST_DONE_S = 600, 10, 600
_MOST_ITEMS = 50
_METHODS = re.compile("POST|PUT|PATCH|DELETE")
_NAME = re.compile("[a-z][a-z0-9-]{0,31}")
_MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_SENTENCE = re.compile(r"[^\W_][^\x00-\x1f\x7f-\x9f\u2028\u2029]{4,159}")
_URL = re.compile(
    r"https?://([A-Za-z0-9.-]{1,253}|\[::1\])(:[0-9]{1,5})?(/[\x21\x22\x24-\x7e]{0,1024})?"
)
_LOOPBACK = re.compile(r"http://(127(\.[0-9]{1,3}){3}|localhost|\[::1\])(:[0-9]{1,5})?(/.*)?")
_POINTER = re.compile(r"(/([^~/\x00-\x1f]|~[01]){0,128}){1,16}")
_ITEM_KEYS = ("token_file", "ca_file", "done_within_seconds", "keys")


class HttpCall(Record, frozen=True, kw_only=True, tag_field="by", tag="http"):
    """One request. `body` is JSON, "" for none."""

    method: str
    url: str
    body: str
    within_s: int


class CommandCall(Record, frozen=True, kw_only=True, tag_field="by", tag="command"):
    """One program with its arguments, run without a shell on the machine that applies."""

    run: tuple[str, ...]
    within_s: int


class HttpProbe(Record, frozen=True, kw_only=True, tag_field="by", tag="http"):
    """A GET whose JSON answer tells. The value at `pointer` (RFC 6901) is `equals`, itself a JSON
    text; or, where that is "", a time that is at least the one at which the plan was read."""

    url: str
    pointer: str
    equals: str
    within_s: int


class CommandProbe(Record, frozen=True, kw_only=True, tag_field="by", tag="command"):
    """A program that ends with 0 where it is done, and with 1 where it is not yet."""

    run: tuple[str, ...]
    within_s: int


Call = Union[HttpCall, CommandCall]
Probe = Union[HttpProbe, CommandProbe]


class Item(Record, frozen=True, kw_only=True):
    """One thing that is reset: `what` says it in a sentence. `done_within_s` is how long after the
    call its probe may still say "not yet"; `keys` are the fingerprints that it concerns, none for
    every key."""

    name: str
    what: str
    call: Call
    probe: Probe
    token_file: str | None
    ca_file: str | None
    done_within_s: int
    keys: tuple[str, ...]

    @property
    def target(self) -> str:
        """Its name in plans: no host can be called so."""
        return f"session/{self.name}"

    @property
    def text(self) -> str:
        """It in one form, as it stands in a plan: without any secret, since it has none."""
        return canonical(self).decode()

    @classmethod
    def parse(cls, text: str) -> Item:
        """The item from its text.

        Raises:
            ValueError: it is none.
        """
        return decode(text.encode(), cls)

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs that it runs, each once."""
        commands = (one for one in (self.call, self.probe) if not isinstance(one, _HTTP))
        return tuple(dict.fromkeys(one.run[0] for one in commands))


_HTTP = (HttpCall, HttpProbe)


class SessionsEntry(Kinded, frozen=True, kw_only=True):
    """The items of an inventory, in its order; where they are called, and where that is kept."""

    KIND: ClassVar[str] = "sessions.items/1"

    machine: str
    directory: str
    items: tuple[Item, ...]

    def item(self, name: str) -> Item | None:
        """The item of that name, None if there is none."""
        return next((one for one in self.items if one.name == name), None)


def sessions_of(inventory: Inventory) -> SessionsEntry | None:
    """The section, None where the inventory does not have it."""
    part = inventory.part(SessionsEntry.KIND)
    return None if part is None else part.read(SessionsEntry)


def _sessions(table: InventoryTable) -> SessionsEntry:
    items = table.table("items")
    if not 1 <= len(items.content) <= _MOST_ITEMS:
        raise table.wrong("items", f"1 to {_MOST_ITEMS} items, by name")
    directory = table.file("directory")
    assert directory is not None, "the key is required"
    return SessionsEntry(
        machine=table.text("machine", _MACHINE, "a hostname, as `hostname` prints it there"),
        directory=directory,
        items=tuple(_item(items, name) for name in items.content),
    )


def _item(items: InventoryTable, name: object) -> Item:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        expected = "a name of up to 32 small letters, digits and hyphens"
        raise items.wrong(name, expected, str(name)[:80])
    table = items.table(name)
    table.keys(required=("what", "call", "probe"), optional=_ITEM_KEYS)
    found = Item(
        name=name,
        what=table.text("what", _SENTENCE, "what it resets, in one sentence of 5 to 160 signs"),
        call=_call(table.table("call")),
        probe=_probe(table.table("probe")),
        token_file=table.file("token_file"),
        ca_file=table.file("ca_file"),
        done_within_s=table.whole_number(
            "done_within_seconds", 0, _MOST_DONE_S, default=DONE_S, unit="seconds"
        ),
        keys=fingerprints(table, "keys") if "keys" in table else (),
    )
    for key in ("token_file", "ca_file"):
        if key in table and not any(isinstance(one, _HTTP) for one in (found.call, found.probe)):
            raise table.wrong(key, "a `url` in `call` or `probe` that it is for")
    return found


def _call(table: InventoryTable) -> Call:
    if "run" in table:
        table.keys(required=("run",), optional=("within_seconds",))
        run = program_and_arguments(table, "run")
        return CommandCall(run=run, within_s=_seconds(table, RUN_S, _MOST_CALL_S))
    table.keys(required=("method", "url"), optional=("body", "within_seconds"))
    return HttpCall(
        method=table.text("method", _METHODS, "POST, PUT, PATCH or DELETE"),
        url=_url(table),
        body=json_body(table, "body") if "body" in table else "",
        within_s=_seconds(table, CALL_S, _MOST_CALL_S),
    )


def _probe(table: InventoryTable) -> Probe:
    within_s = _seconds(table, PROBE_S, _MOST_PROBE_S)
    if "run" in table:
        table.keys(required=("run",), optional=("within_seconds",))
        return CommandProbe(run=program_and_arguments(table, "run"), within_s=within_s)
    told = ("equals", "at_least", "within_seconds")
    table.keys(required=("url", "pointer"), optional=told)
    if ("equals" in table) is ("at_least" in table):
        got = "both equals and at_least" if "equals" in table else "neither equals nor at_least"
        raise table.complaint(got, f"equals: VALUE, or at_least: {BEGAN}")
    if "at_least" in table:
        table.text("at_least", re.compile(BEGAN), f"{BEGAN}: the time at which the plan was read")
    return HttpProbe(
        url=_url(table),
        pointer=table.text("pointer", _POINTER, "a JSON pointer, as /sessions/open"),
        equals=equal_value(table, "equals") if "equals" in table else "",
        within_s=within_s,
    )


def _url(table: InventoryTable) -> str:
    url = table.text("url", _URL, "https://HOST[:PORT]/PATH without a name or password in it")
    if url.startswith("http:") and not _LOOPBACK.fullmatch(url):
        raise table.wrong("url", "https://; http:// is for this machine alone")
    with suppress(ValueError):
        if urlsplit(url).port != 0:
            return url
    raise table.wrong("url", "a port from 1 to 65535")


def _seconds(table: InventoryTable, default: int, most: int) -> int:
    return table.whole_number("within_seconds", 1, most, default=default, unit="seconds")


SESSIONS_SECTION = InventorySection(
    name=SECTION,
    whole=SectionForm(
        kind=SessionsEntry, read=_sessions, required=("machine", "directory", "items")
    ),
)
