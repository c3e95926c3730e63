"""A probe's document as a HostReading. Pure: whatever is odd becomes unknown with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from remediations.files.guest import DENIED, NO_FILE, NOT_READ
from remediations.model import comet
from remediations.model.host import Binary, JournalLine, NodeConfig, Session, Unit
from remediations.model.inventory import HostEntry
from remediations.model.reading import Known, Reading, Unknown
from remediations.model.sign_state import ABSENT, SignState, SignStateError, parse_sign_state
from remediations.model.text import TextError, lines, pairs
from remediations.observe import host_text
from remediations.observe.document import Document, Section
from remediations.observe.found import Found, parse_found
from remediations.observe.observation import ChainSample, ChainView, HostReading, Scope
from remediations.observe.records import parse_records
from remediations.observe.settings import parse_config

T = TypeVar("T")

_TIME_IS_UP = 124
_ENDED = (_TIME_IS_UP, 137)
"""How timeout(1) ends: the command was stopped, or had to be killed."""
_CURL = {
    7: "the connection was refused: nothing listens",
    28: "no answer within the time limit",
}


@dataclass(frozen=True)
class _Reader:
    """One document, with what was discovered on the host."""

    document: Document
    at: datetime
    found: Found

    def read(
        self,
        name: str,
        source: str,
        parse: Callable[[Section], T],
        *,
        absent: str,
        fine: tuple[int, ...] = (0,),
    ) -> Reading[T]:
        """Section `name` through `parse`; `absent` says why there may be no such section."""
        section = self.document.sections.get(name)
        if section is None:
            return Unknown(reason=absent, source=source, at=self.at)
        trouble = section.trouble
        if not trouble and section.status in _ENDED and section.status not in fine:
            trouble = "no answer within the time limit"
        elif not trouble and section.status not in fine:
            trouble = _complaint(section)
        if trouble:
            return Unknown(reason=trouble, source=source, at=section.at)
        try:
            return Known(value=parse(section), source=source, at=section.at)
        except (TextError, comet.RpcError, SignStateError) as error:
            return Unknown(reason=str(error), source=source, at=section.at)

    def rpc(self, name: str, path: str, parse: Callable[[bytes], T]) -> Reading[T]:
        """An RPC answer; without a known RPC there is none."""
        source = f"{self.found.rpc or 'RPC'}/{path}"
        if not self.found.rpc:
            reason = self.found.rpc_trouble or "no RPC was found"
            return Unknown(reason=reason, source=source, at=self.at)
        section = self.document.sections.get(name)
        if section is not None and not section.trouble and section.status in _CURL:
            return Unknown(reason=_CURL[section.status], source=source, at=section.at)
        absent = "not asked: /status did not answer"
        return self.read(name, source, lambda part: parse(part.data), absent=absent)

    def of_unit(
        self,
        name: str,
        source: str,
        parse: Callable[[str], T],
        *,
        absent: str = "not read",
        fine: tuple[int, ...] = (0,),
    ) -> Reading[T]:
        """A section about the unit; without a known unit there is none."""
        if not self.found.unit:
            reason = self.found.unit_trouble or "no unit was found"
            return Unknown(reason=reason, source=source, at=self.at)
        return self.read(name, source, lambda part: parse(part.text), absent=absent, fine=fine)

    def file(
        self, name: str, source: str, parse: Callable[[str], T], *, fine: tuple[int, ...] = (0,)
    ) -> Reading[T]:
        """A section about the home; without a known home there is none."""
        why = self.found.homeless
        if not self.found.home:
            return Unknown(reason=why, source=source, at=self.at)
        return self.read(name, source, lambda part: parse(part.text), absent=why, fine=fine)


def _complaint(section: Section) -> str:
    """Why a section has no output, in the words of the host where it has any."""
    if section.status == DENIED:
        return "it may not be read without sudo"
    if section.status in (NO_FILE, NOT_READ):
        return section.said or "it was not read"
    return f"exit status {section.status}{': ' if section.said else ''}{section.said}"


def read_host(document: Document, entry: HostEntry, scope: Scope, at: datetime) -> HostReading:
    """The reading of host `entry`. `at` is when it was asked, for what it said nothing of."""
    found = document.sections.get("found")
    reader = _Reader(document, at, parse_found(found.text) if found else Found())
    unit = _unit(reader)
    home = reader.found.home or "HOME"
    return HostReading(
        host=entry.name,
        role=entry.role,
        session=reader.read(
            "login",
            "login",
            lambda part: _session(document, part.text),
            absent="the probe said nothing of the login",
        ),
        unit=unit,
        processes=reader.of_unit("processes", "/proc", host_text.parse_processes),
        config=_config(reader, unit),
        key=reader.file("key", reader.found.key_file or "key file", host_text.parse_key),
        sign_state=_sign_state(reader),
        wal=reader.file("wal", reader.found.wal_file or "write-ahead log", host_text.parse_wal),
        disk=reader.file("disk", f"df {home}/data", host_text.parse_disk),
        ownership=reader.file(
            "ownership",
            f"find {home}",
            lambda text: host_text.parse_ownership(text, home=reader.found.home),
            fine=(0, 141),
        ),
        records=reader.read(
            "records",
            "stat /var/lib/remediate",
            lambda part: parse_records(part.text),
            absent="the probe said nothing of it",
        ),
        samples=_samples(reader),
        chain=_chain(reader),
        binary=_binary(reader, scope),
        journal=_journal(reader),
    )


def unread_host(entry: HostEntry, reason: str, at: datetime) -> HostReading:
    """The reading of a host of which nothing could be read."""
    unknown = Unknown(reason=reason, source=f"ssh {entry.ssh}", at=at)
    return HostReading(
        host=entry.name,
        role=entry.role,
        session=unknown,
        unit=unknown,
        processes=unknown,
        config=unknown,
        key=unknown,
        sign_state=unknown,
        wal=unknown,
        disk=unknown,
        ownership=unknown,
        records=unknown,
        samples=(),
        chain=ChainView(
            validators=unknown,
            peers=unknown,
            peer_rounds=unknown,
            blocks=unknown,
            commit=unknown,
            result=unknown,
        ),
        binary=unknown,
        journal=unknown,
    )


def _session(document: Document, text: str) -> Session:
    said = pairs(text)
    if not said.get("user") or not said.get("boot_id"):
        raise TextError("the login says nothing of a user or a boot id")
    return Session(
        user=said["user"],
        sudo=said.get("euid") == "0",
        boot_id=said["boot_id"],
        machine_id=said.get("machine_id", ""),
        round_trip_ms=document.round_trip_ms,
        clock_offset_ms=document.clock_offset_ms,
    )


def _unit(reader: _Reader) -> Reading[Unit]:
    """The unit, unknown where its home is: who cannot say where the data lies must not act on it.

    A unit that is masked or not loaded has no command line, hence may have no home.
    """
    source = f"systemctl show {reader.found.unit}".rstrip()
    unit = reader.of_unit(
        "show",
        source,
        lambda text: host_text.parse_unit(text, home=reader.found.home),
        absent="the probe said nothing of the unit",
    )
    if isinstance(unit, Known) and not unit.value.home and unit.value.load_state == "loaded":
        return Unknown(
            reason=f"home not known: {reader.found.home_trouble}", source=source, at=unit.at
        )
    return unit


def _config(reader: _Reader, unit: Reading[Unit]) -> Reading[NodeConfig]:
    source = f"{reader.found.home or 'HOME'}/config/config.toml, app.toml"
    app = reader.document.sections.get("app_config")
    trouble = reader.found.config_trouble or reader.found.rpc_trouble
    if not trouble and app is not None and (app.trouble or app.status != 0):
        trouble = f"app.toml: {app.trouble or _complaint(app)}"
    if trouble or app is None:
        return Unknown(reason=trouble or reader.found.homeless, source=source, at=reader.at)
    application = app.text
    arguments = unit.value.arguments if isinstance(unit, Known) else ()
    return reader.file(
        "config",
        source,
        lambda text: parse_config(text, application, arguments, reader.found.rpc),
    )


def _sign_state(reader: _Reader) -> Reading[SignState]:
    section = reader.document.sections.get("sign_state")
    source = reader.found.state_file or "sign state"
    if section is None or section.trouble or not reader.found.home:
        return reader.file("sign_state", source, parse_sign_state)
    if section.status == NO_FILE:
        return Unknown(reason=f"{ABSENT}: {source}", source=source, at=section.at)
    if section.status == NOT_READ:
        reason = f"no sign state: {_complaint(section)}"
        return Unknown(reason=reason, source=source, at=section.at)
    return reader.file("sign_state", source, parse_sign_state)


def _samples(reader: _Reader) -> tuple[ChainSample, ...]:
    """One sample per /status that was asked for: two, or one where nothing listens."""
    samples = []
    for index in ("1", "2"):
        section = reader.document.sections.get(f"status.{index}")
        if section is not None:
            samples.append(
                ChainSample(
                    at=section.at,
                    status=reader.rpc(f"status.{index}", "status", comet.parse_status),
                    app=reader.rpc(f"app.{index}", "abci_info", comet.parse_app_info),
                    round=reader.rpc(f"round.{index}", "consensus_state", comet.parse_round_state),
                )
            )
    return tuple(samples)


def _chain(reader: _Reader) -> ChainView:
    return ChainView(
        validators=reader.rpc("validators", "validators", comet.parse_validators),
        peers=reader.rpc("peers", "net_info", comet.parse_peers),
        peer_rounds=reader.rpc("dump", "dump_consensus_state", comet.parse_peer_rounds),
        blocks=reader.rpc("blocks", "blockchain", comet.parse_blocks),
        commit=reader.rpc("commit", "commit", comet.parse_commit),
        result=reader.rpc("result", "block_results", comet.parse_block_result),
    )


def _binary(reader: _Reader, scope: Scope) -> Reading[Binary]:
    """What is costly to read and decides nothing once the plan is made: full scope only."""
    absent = "not read: only what decides was asked for" if scope is Scope.DECIDING else "not read"
    return reader.of_unit("binary", "sha256sum", host_text.parse_binary, absent=absent)


def _journal(reader: _Reader) -> Reading[tuple[JournalLine, ...]]:
    """The journal; without root journalctl silently shows only one's own lines. It decides: why a
    consensus died stands nowhere else."""
    login = reader.document.sections.get("login")
    source = f"journalctl --unit={reader.found.unit}"
    if login is not None and "euid=0" not in lines(login.text):
        return Unknown(reason="without sudo the journal is incomplete", source=source, at=reader.at)
    section = reader.document.sections.get("journal")
    found = reader.of_unit(
        "journal",
        source,
        host_text.parse_journal,
        # A long journal is searched from its end for as long as there is time.
        fine=(0, _TIME_IS_UP),
    )
    if isinstance(found, Known) and not found.value and section and section.status == _TIME_IS_UP:
        reason = "nothing was found of it within the time limit, which ended the search"
        return Unknown(reason=reason, source=source, at=found.at)
    return found
