"""From a host's document to a NodeReading. Pure: what cannot be read is unknown, with a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from remediations.engine.observe.section import (
    NOT_ASKED,
    HostDocument,
    Trouble,
)
from remediations.systems.comet import rpc, rpc_rounds, rpc_signed
from remediations.systems.comet.announced import parse_announced
from remediations.systems.comet.cosmovisor import parse_cosmovisor
from remediations.systems.comet.data_copy import parse_copies
from remediations.systems.comet.dials import parse_dials
from remediations.systems.comet.document_reader import DocumentReader, found_daemon
from remediations.systems.comet.genesis import parse_genesis
from remediations.systems.comet.inventory import node_of
from remediations.systems.comet.jobs import parse_jobs
from remediations.systems.comet.pressure import parse_pressure
from remediations.systems.comet.reading import ChainSample, ChainView, NodeReading
from remediations.systems.comet.room import Room, parse_room, parse_store
from remediations.systems.comet.rounds import parse_rollbacks
from remediations.systems.comet.settings import parse_config
from remediations.systems.comet.sign_state import SignState, parse_sign_state
from remediations.systems.comet.staking import Standing
from remediations.systems.comet.state_copies import parse_state_copies
from remediations.systems.comet.state_sync import (
    StateSync,
    parse_servers,
    parse_snapshots,
    parse_sync_settings,
)
from remediations.systems.comet.ways import Ways, parse_ways
from remediations.systems.hosts import host_text
from remediations.systems.hosts.guest import NO_FILE, NOT_READ
from remediations.systems.hosts.read_section import (
    TIMED_OUT,
    section_trouble,
)
from remediations.systems.hosts.values import Binary, JournalLine, NodeConfig, Unit
from remediations.values.inventory import HostEntry
from remediations.values.lines import split_lines
from remediations.values.reading import Known, Reading, Why, value_or_none

T = TypeVar("T")


def read_node(document: HostDocument, entry: HostEntry, at: datetime) -> NodeReading:
    """The node on host `entry`. What it said nothing about is unknown as of `at`, when it was
    asked."""
    reader = DocumentReader(document, at, found_daemon(document))
    unit = _unit(reader)
    home = reader.found.home or "HOME"
    return NodeReading(
        host=entry.name,
        role=node_of(entry).role,
        unit=unit,
        candidates=reader.found.candidates,
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
        samples=_samples(reader),
        chain=_chain(reader),
        binary=_binary(reader),
        journal=_journal(reader),
        dials=reader.rpc("dials", "net_info, and its persistent peers", parse_dials)
        if "dials" in document.sections
        else None,
        changes=reader.of_unit("changes", "stat", host_text.parse_changes)
        if "changes" in document.sections
        else UNSET,
        genesis=reader.file_if_sent("genesis", f"{home}/config/genesis.json", parse_genesis),
        copies=reader.file_if_told("copies", "/var/lib/remediate/files", parse_copies),
        standing=_standing(reader) if "signing_info" in document.sections else UNSET,
        ways=_ways(reader),
        room=_room(reader),
        store=reader.file_if_sent("store", f"{home}/config/app.toml", parse_store),
        cosmovisor=reader.file_if_sent(
            "cosmovisor", f"{home}/cosmovisor, upgrade-info.json", parse_cosmovisor
        ),
        sync=_sync(reader) if "snapshots" in document.sections else UNSET,
        pressure=reader.of_unit("pressure", "/proc/pressure, schedstat", parse_pressure)
        if "pressure" in document.sections
        else UNSET,
        state_copies=reader.file_if_sent("state_copies", f"{home} and below", parse_state_copies),
        rollbacks=reader.file_if_told("rollbacks", "/var/lib/remediate", parse_rollbacks),
        announced=reader.file_if_sent(
            "announced", f"{home}/data/upgrade-info.json", parse_announced
        ),
        jobs=reader.file_if_sent("jobs", "timers, crontabs, at", parse_jobs),
    )


def unread_node(entry: HostEntry, trouble: Trouble, at: datetime) -> NodeReading:
    """The node on a host that could not be read."""
    unknown = trouble.unknown(f"ssh {entry.ssh}", at)
    return NodeReading(
        host=entry.name,
        role=node_of(entry).role,
        unit=unknown,
        candidates=(),
        processes=unknown,
        config=unknown,
        key=unknown,
        sign_state=unknown,
        wal=unknown,
        disk=unknown,
        ownership=unknown,
        samples=(),
        chain=ChainView(
            validators=unknown,
            peers=unknown,
            peer_rounds=unknown,
            blocks=unknown,
            commit=unknown,
            result=unknown,
            last_votes=unknown,
        ),
        binary=unknown,
        journal=unknown,
    )


def _binary(reader: DocumentReader) -> Reading[Binary]:
    """The program, with its version where that was told: the hashes do not wait for it."""
    binary = reader.of_unit("binary", "sha256sum", host_text.parse_binary)
    version = value_or_none(reader.of_unit("version", "version", host_text.parse_version))
    if not isinstance(binary, Known) or not version:
        return binary
    return replace(binary, value=replace(binary.value, version=version))


def _sync(reader: DocumentReader) -> StateSync:
    """What state sync needs to know."""
    home = reader.found.home
    return StateSync(
        snapshots=reader.file("snapshots", f"{home}/data/snapshots", parse_snapshots),
        settings=reader.file("sync_settings", f"{home}/config/config.toml", parse_sync_settings),
        servers=reader.file("servers", "/status of RPC servers", parse_servers)
        if "servers" in reader.document.sections
        else UNSET,
    )


def _room(reader: DocumentReader) -> Reading[Room] | UnsetType:
    """What takes the room; unset where it was not looked for, or there is enough."""
    section = reader.document.sections.get("room")
    if section is None or not (section.data or section.status or section.trouble):
        return UNSET
    home = reader.found.home
    return reader.file("room", f"find {home}", lambda text: parse_room(text, home=home))


def _ways(reader: DocumentReader) -> Reading[Ways] | UnsetType:
    """The ways to its peers; unset where it was not looked for, or nothing was lacking."""
    found = reader.rpc_if_sent("ways", "net_info, and the ways to its persistent peers", parse_ways)
    return UNSET if found is None else found


def _unit(reader: DocumentReader) -> Reading[Unit]:
    """The unit; unknown if its home is, because nothing may be done to a unit whose data directory
    is unknown.

    A unit that is masked or not loaded has no command line, so it may lack a home.
    """
    source = f"systemctl show {reader.found.unit}".rstrip()
    unit = reader.of_unit(
        "show",
        source,
        lambda text: host_text.parse_unit(text, home=reader.found.home),
        absent=Trouble(Why.CORRUPT, "the probe reported nothing about the unit"),
    )
    if isinstance(unit, Known) and not unit.value.home and unit.value.load_state == "loaded":
        reason = f"home not known: {reader.found.home_trouble.reason}"
        return Trouble(Why.NO_HOME, reason).unknown(source, unit.at)
    return unit


def _config(reader: DocumentReader, unit: Reading[Unit]) -> Reading[NodeConfig]:
    source = f"{reader.found.home or 'HOME'}/config/config.toml, app.toml"
    found, app = reader.found, reader.document.sections.get("app_config")
    trouble = found.config_trouble or (None if found.rpc else found.rpc_trouble)
    if trouble is None and app is None:
        trouble = found.files_trouble
    elif trouble is None and app is not None and (app.trouble or app.status):
        of_app = app.trouble or section_trouble(app)
        trouble = Trouble(of_app.why, f"app.toml: {of_app.reason}")
    if trouble is not None or app is None:
        return (trouble or NOT_ASKED).unknown(source, reader.at)
    application = app.text
    arguments = unit.value.arguments if isinstance(unit, Known) else ()
    return reader.file(
        "config",
        source,
        lambda text: parse_config(text, application, arguments, found.rpc),
    )


def _sign_state(reader: DocumentReader) -> Reading[SignState]:
    section = reader.document.sections.get("sign_state")
    source = reader.found.state_file or "sign state"
    if section is None or section.trouble or not reader.found.home:
        return reader.file("sign_state", source, parse_sign_state)
    if section.status == NO_FILE:
        missing = Trouble(Why.ABSENT, f"there is no sign state file: {source}")
        return missing.unknown(source, section.at)
    if section.status == NOT_READ:
        refused = Trouble(Why.REFUSED, f"no sign state: {section_trouble(section).reason}")
        return refused.unknown(source, section.at)
    return reader.file("sign_state", source, parse_sign_state)


def _samples(reader: DocumentReader) -> tuple[ChainSample, ...]:
    """One sample for each /status that was asked for: two, or one if nothing listens."""
    samples = []
    for index in ("1", "2"):
        section = reader.document.sections.get(f"status.{index}")
        if section is not None:
            samples.append(
                ChainSample(
                    at=section.at,
                    status=reader.rpc(f"status.{index}", "status", rpc.parse_status),
                    app=reader.rpc(f"app.{index}", "abci_info", rpc.parse_app_info),
                    round=reader.rpc(
                        f"round.{index}", "consensus_state", rpc_rounds.parse_round_state
                    ),
                )
            )
    return tuple(samples)


def _chain(reader: DocumentReader) -> ChainView:
    # Not at the top: every command that knows an inventory would load the proofs.
    from remediations.systems.comet.absent_answers import parse_absences

    return ChainView(
        validators=reader.rpc("validators", "validators", rpc.parse_validators),
        peers=reader.rpc("peers", "net_info", rpc.parse_peers),
        peer_rounds=reader.rpc("dump", "dump_consensus_state", rpc_rounds.parse_peer_rounds),
        blocks=reader.rpc("blocks", "blockchain", rpc.parse_blocks),
        commit=reader.rpc("commit", "commit", rpc_signed.parse_commit),
        result=reader.rpc("result", "block_results", rpc.parse_block_result),
        signers=reader.rpc_if_sent("signers", "validators?height=", rpc.parse_validators),
        evidence=reader.rpc_if_sent("evidence", "block?height=", rpc_signed.parse_evidence),
        anchor=reader.rpc_if_sent("anchor", "commit?height=", rpc_signed.parse_commit),
        anchor_set=reader.rpc_if_sent("anchor_set", "validators?height=", rpc.parse_validators),
        absent=reader.rpc_if_sent("absent", "abci_query /store/slashing", parse_absences),
        last_votes=reader.rpc("dump", "dump_consensus_state", rpc_rounds.parse_last_votes),
    )


def _standing(reader: DocumentReader) -> Standing:
    """What the application says of the validator that this node is, whose key has no power."""
    # Not at the top: every command that knows an inventory would load the proofs.
    from remediations.systems.comet import staking_answers as answers

    status = reader.rpc("status.1", "status", rpc.parse_status)
    address = status.value.address if isinstance(status, Known) else ""
    unlisted = Trouble(Why.ABSENT, "no validator has this key")

    def told(name: str, path: str, parse: Callable[[bytes], T]) -> Reading[T]:
        source = f"{reader.found.rpc}/abci_query {path}"
        return reader.read(name, source, lambda part: parse(part.data), absent=unlisted)

    return Standing(
        signing=told("signing_info", "slashing", lambda t: answers.parse_signing_info(t, address)),
        validator=told("validator", "staking", lambda t: answers.parse_validator(t, address)),
        own_shares=told("own_shares", "staking", answers.parse_own_shares),
        account=told("account", "acc", answers.parse_account),
        key=reader.file("operator_key", "keyring-test, app.toml", answers.parse_operator_key),
    )


def _journal(reader: DocumentReader) -> Reading[tuple[JournalLine, ...]]:
    """The journal. Without root, journalctl silently shows only one's own lines, so nothing is
    known then: the reason why consensus died is nowhere else."""
    login = reader.document.sections.get("login")
    source = f"journalctl --unit={reader.found.unit}"
    if login is not None and "euid=0" not in split_lines(login.text):
        trouble = Trouble(Why.DENIED, "without sudo the journal is incomplete")
        return trouble.unknown(source, reader.at)
    section = reader.document.sections.get("journal")
    found = reader.of_unit(
        "journal",
        source,
        host_text.parse_journal,
        # A long journal is searched from its end for as long as there is time.
        fine=(0, TIMED_OUT),
    )
    if isinstance(found, Known) and not found.value and section and section.status == TIMED_OUT:
        reason = "nothing was found within the time limit, which ended the search"
        return Trouble(Why.TIME_LIMIT, reason).unknown(source, found.at)
    return found
