"""One host's document as readings, section by section. Pure: what cannot be read is unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from msgspec import UNSET, UnsetType

from remediations.engine.observe.section import (
    NOT_ASKED,
    TIME_LIMIT,
    HostDocument,
    Section,
    Trouble,
)
from remediations.systems.comet.discovered import DiscoveredDaemon, nothing_found, parse_discovered
from remediations.systems.hosts.read_section import SILENT, read_section, section_trouble
from remediations.values.reading import Reading, Why

T = TypeVar("T")

_CURL = {
    7: Trouble(Why.NOT_LISTENING, "the connection was refused: nothing listens"),
    28: TIME_LIMIT,
}


@dataclass(frozen=True)
class DocumentReader:
    """One document, with what was discovered on the host."""

    document: HostDocument
    at: datetime
    found: DiscoveredDaemon

    def read(
        self,
        name: str,
        source: str,
        parse: Callable[[Section], T],
        *,
        absent: Trouble,
        fine: tuple[int, ...] = (0,),
    ) -> Reading[T]:
        """Section `name`, read by `parse`; `absent` is the reason if there is no such section."""
        return read_section(
            self.document, name, source, parse, absent=absent, at=self.at, fine=fine
        )

    def rpc(self, name: str, path: str, parse: Callable[[bytes], T]) -> Reading[T]:
        """An RPC answer; unknown if the RPC is."""
        source = f"{self.found.rpc or 'RPC'}/{path}"
        if not self.found.rpc:
            return self.found.rpc_trouble.unknown(source, self.at)
        section = self.document.sections.get(name)
        if section is not None and not section.trouble and section.status in _CURL:
            return _CURL[section.status].unknown(source, section.at)
        absent = Trouble(Why.NOT_ASKED, "not asked: /status did not answer")
        return self.read(name, source, lambda part: parse(part.data), absent=absent)

    def rpc_if_sent(self, name: str, path: str, parse: Callable[[bytes], T]) -> Reading[T] | None:
        """An RPC answer that is asked for only where it is needed; None if it was not, or if the
        section is empty: there was nothing to add."""
        section = self.document.sections.get(name)
        if section is None or not (section.data or section.status or section.trouble):
            return None
        return self.rpc(name, path, parse)

    def of_unit(
        self,
        name: str,
        source: str,
        parse: Callable[[str], T],
        *,
        absent: Trouble = NOT_ASKED,
        fine: tuple[int, ...] = (0,),
    ) -> Reading[T]:
        """A section about the unit; unknown if the unit is."""
        if not self.found.unit:
            return self.found.unit_trouble.unknown(source, self.at)
        return self.read(name, source, lambda part: parse(part.text), absent=absent, fine=fine)

    def file(
        self, name: str, source: str, parse: Callable[[str], T], *, fine: tuple[int, ...] = (0,)
    ) -> Reading[T]:
        """A section about the home; unknown if the home is."""
        why = self.found.files_trouble
        if not self.found.home:
            return why.unknown(source, self.at)
        return self.read(name, source, lambda part: parse(part.text), absent=why, fine=fine)

    def file_if_sent(
        self, name: str, source: str, parse: Callable[[str], T]
    ) -> Reading[T] | UnsetType:
        """A section about the home that is sent only where it is needed."""
        sent = name in self.document.sections
        return self.file(name, source, parse) if sent else UNSET

    def file_if_told(
        self, name: str, source: str, parse: Callable[[str], T]
    ) -> Reading[T] | UnsetType:
        """A section about the host that is always sent; unset where it says nothing."""
        section = self.document.sections.get(name)
        if section is None or not (section.data or section.status or section.trouble):
            return UNSET
        return self.file(name, source, parse)


def found_daemon(document: HostDocument) -> DiscoveredDaemon:
    """What was found on the host: nothing, if the section itself could not be read."""
    section = document.sections.get("found")
    if section is None:
        return nothing_found(SILENT)
    trouble = section.trouble or (section_trouble(section) if section.status else None)
    return parse_discovered(section.text) if trouble is None else nothing_found(trouble)
