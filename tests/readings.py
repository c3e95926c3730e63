"""One host read as the product reads it: the frame with the fragment of `comet`."""

from __future__ import annotations

from datetime import datetime

from remediations.engine.observe.observation import Scope
from remediations.engine.observe.section import HostDocument
from remediations.systems.comet.parse import read_node
from remediations.systems.comet.reading import HostReading, on_host
from remediations.systems.comet.system import COMET
from remediations.systems.hosts import document
from remediations.systems.hosts import program as hosts_program
from remediations.systems.hosts.reading import read_login
from remediations.systems.hosts.sections import section_limits
from remediations.values.inventory import HostEntry, Inventory

LIMITS = section_limits((COMET,))


def program(entry: HostEntry, scope: Scope, inventory: Inventory | None = None) -> bytes:
    """What is sent to a host."""
    return hosts_program.host_program(entry, scope, (COMET,), inventory)


def read_document(printed: bytes, *, sent: datetime, received: datetime) -> HostDocument:
    """What it answers."""
    return document.read_document(printed, sent=sent, received=received, limits=LIMITS)


def read_host(document: HostDocument, entry: HostEntry, at: datetime) -> HostReading:
    """All that is read in that."""
    return on_host(read_node(document, entry, at), read_login(document, entry, at))
