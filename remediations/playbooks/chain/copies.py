"""Copies of databases: what people choose, whom one cures, and the facts of both steps. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from remediations.engine.domain import Facts, Input, StepData
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.facts import UNKNOWN, facts_of, node_data
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.systems.comet.data_copy import DataCopy
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.values import AppInfo
from remediations.values.reading import Known, Unknown, value_or_none

DONOR = "donor"
DATA = "data"
NO_COPY = "none"
CURED_BY_COPY = (
    NodeCondition.DATABASE_CORRUPT,
    NodeCondition.DIVERGED,
    NodeCondition.FAILS_ALONE,
)
"""What other databases cure."""
ALSO_IF_NAMED = (
    NodeCondition.HELD,
    NodeCondition.KEEPS_FAILING,
    NodeCondition.START_FAILS,
    NodeCondition.CRASH_LOOP,
    NodeCondition.STOPPED,
    NodeCondition.STUCK,
    NodeCondition.ZOMBIE,
)
"""What they may cure: people say so by naming the host. A plan that was cut off leaves `HELD`."""
NO_DONOR = "while blocks go on, `remediate plan node-down --state-sync yes` stops nobody"
"""What there is instead of a copy that is refused (`state_sync.py`)."""
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_SHA256 = re.compile("[0-9a-f]{64}")


def _parse_host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("the name of a host in the inventory")
    return text


def _parse_sha256(text: str) -> str:
    found = text.strip().lower().removeprefix("sha256:")
    if not _SHA256.fullmatch(found):
        raise ValueError("64 hex digits, as the run that made the copy shows them")
    return found


def parse_yes(text: str) -> str:
    """`yes`: what is accepted is accepted in words.

    Raises:
        ValueError: it is something else.
    """
    if text != "yes":
        raise ValueError("`yes`")
    return text


DONOR_INPUT = Input(
    name=DONOR,
    metavar="HOST",
    help="The node whose databases are copied, for others. It is stopped for as long as its files "
    "are linked, and started again.",
    parse=_parse_host,
)
DIFFERS_IN = "differs-in"
_STORE = re.compile(r"[A-Za-z0-9_./-]{1,64}")


def _parse_store(text: str) -> str:
    if not _STORE.fullmatch(text):
        raise ValueError("the name of a store, as `plan --rehearse` shows it")
    return text


DIFFERS_INPUT = Input(
    name=DIFFERS_IN,
    metavar="STORE",
    help="The first store in which the states differ, for whoever signs the plan: `--rehearse` "
    "finds it.",
    parse=_parse_store,
)
DATA_INPUT = Input(
    name=DATA,
    metavar="SHA256",
    help="The copy of databases to put in the place of a node's own, which `remediate stage "
    "SHA256 --donor HOST` has brought to it.",
    parse=_parse_sha256,
)


def chosen_donor(chain: ChainSituation) -> str:
    """The host that was chosen as the donor, "" for none."""
    return chain.inputs.get(DONOR, "")


def chosen_data(chain: ChainSituation) -> str:
    """The SHA-256 of the copy that was chosen, "" for none."""
    return chain.inputs.get(DATA, "")


def copy_on(reading: HostReading, sha256: str) -> DataCopy | None:
    """What a host keeps under this hash, if it is a copy."""
    copies = reading.copies
    if not isinstance(copies, Known):
        return None
    return next((copy for copy in copies.value if copy.sha256 == sha256), None)


def chosen_copy(chain: ChainSituation) -> DataCopy | None:
    """What the chosen copy says of itself, on the first host that keeps it."""
    return next(iter(_copies_chosen(chain)), None)


def seconds_of_copy(chain: ChainSituation) -> int | None:
    """How long it took its donor to read, write and hash the chosen copy; None where no reading
    tells."""
    return next((c.took_s for c in _copies_chosen(chain) if c.took_s is not None), None)


def _copies_chosen(chain: ChainSituation) -> Iterator[DataCopy]:
    found = (copy_on(reading, chosen_data(chain)) for reading in chain.observation.hosts)
    return (copy for copy in found if copy is not None)


def cured_by_copy(chain: ChainSituation, node: NodeFinding) -> bool:
    """Whether other databases may cure what is wrong with a node."""
    named = node.host in chain.only
    return node.condition in CURED_BY_COPY or (named and node.condition in ALSO_IF_NAMED)


def app_of(reading: HostReading) -> AppInfo | None:
    """The newest answer of the application."""
    for sample in reversed(reading.samples):
        app = value_or_none(sample.app)
        if app is not None:
            return app
    return None


def state_to_copy(chain: ChainSituation, host: str) -> tuple[int, str]:
    """The height of a donor, 0 if it tells none; and the app hash after that block, if it is sure
    that the copy has exactly that: where blocks go on, it is "" ."""
    reading = chain.observation.host(host)
    status, app = latest_status(reading), app_of(reading)
    if status is None:
        return 0, ""
    stands = not chain.finding.chain.rule.goes_on and app is not None
    exact = stands and app is not None and app.height == status.height
    return status.height, app.app_hash if exact and app is not None else ""


def copy_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about copying the databases of a donor."""
    reading, at = chain.observation.host(host), chain.observation.began
    height, app_hash = state_to_copy(chain, host)
    config = value_or_none(reading.config)
    backend = config.db_backend if config is not None else UNKNOWN
    rule = Rule.EQUAL if app_hash else Rule.AT_LEAST
    source, why = "/status, /abci_info", "the copy says so of itself"
    return (
        *facts_of(chain, host, dead=True, down=False),
        chain_fact(chain),
        Fact(name=f"{host}.height", value=str(height), rule=rule, why=why, source=source, at=at),
        Fact(
            name=f"{host}.state",
            value=app_hash or "moves on",
            rule=Rule.EQUAL,
            why="who gets the copy, gets this state",
            source=source,
            at=at,
        ),
        Fact(
            name=f"{host}.backend",
            value=backend,
            rule=Rule.EQUAL,
            why="only a node with the same kind of databases can open them",
            source="config.toml",
            at=at,
        ),
    )


def copy_data(facts: Facts, host: str) -> StepData:
    """What the deploy needs to know of the donor, and what its copy says of itself."""
    state, backend = facts[f"{host}.state"], facts[f"{host}.backend"]
    return {
        **node_data(facts, host),
        "chain_id": facts["chain.id"],
        "donor": host,
        "height": int(facts[f"{host}.height"]),
        "app_hash": "" if state == "moves on" else state,
        "backend": "" if backend == UNKNOWN else backend,
    }


def replace_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about giving a node the databases of another one. In a split those who change
    sides stand at the block whose state differs, and must not have precommitted a later one."""
    reading, at = chain.observation.host(host), chain.observation.began
    node = chain.finding.node(host)
    status, copy = latest_status(reading), copy_on(reading, chosen_data(chain))
    stands = status.height if status is not None and changes_sides(chain, node) else 0
    return (
        *facts_of(chain, host, dead=status is not None, down=cured_by_copy(chain, node)),
        chain_fact(chain),
        Fact(
            name="chain.data",
            value=chosen_data(chain) or UNKNOWN,
            rule=Rule.EQUAL,
            why="it is put in place, and no other",
            source=f"--{DATA}",
            at=at,
        ),
        Fact(
            name=f"{host}.copy",
            value=copy.words if copy is not None else _no_copy(reading),
            rule=Rule.EQUAL,
            why="what the copy says of itself is compared on the host",
            source="/var/lib/remediate/files",
            at=at,
        ),
        Fact(
            name=f"{host}.changes_at",
            value=str(stands),
            rule=Rule.EQUAL,
            why="a node that changes sides stands at this block (0: it changes none)",
            source="/status",
            at=at,
        ),
    )


def _no_copy(reading: HostReading) -> str:
    return UNKNOWN if isinstance(reading.copies, Unknown) else NO_COPY


def changes_sides(chain: ChainSituation, node: NodeFinding) -> bool:
    """Whether a node has a state of its own of the newest block, in a split."""
    clusters = chain.finding.clusters
    return len(clusters) > 1 and any(node.host in cluster.hosts for cluster in clusters)


def replace_data(facts: Facts, host: str) -> StepData:
    """What the deploys need to know of a node that gets a copy."""
    words = dict(word.partition("=")[::2] for word in facts[f"{host}.copy"].split())
    sha256 = facts["chain.data"]
    sha256 = "" if sha256 == UNKNOWN else sha256
    return {
        **node_data(facts, host),
        "stands_at": int(facts[f"{host}.changes_at"]),
        "copy": sha256,
        "sha256": sha256 or "0" * 64,
        "chain_id": words.get("chain_id", UNKNOWN),
        "donor": words.get("donor", UNKNOWN),
        "height": int(words.get("height", "0")),
        "app_hash": words.get("app_hash", ""),
        "backend": words.get("backend", ""),
        "bytes": int(words.get("bytes", "0")),
    }


def chain_fact(chain: ChainSituation) -> Fact:
    """Of which chain the databases are."""
    return Fact(
        name="chain.id",
        value=chain.observation.chain_id,
        rule=Rule.EQUAL,
        why="a copy is of one chain",
        source="the inventory",
        at=chain.observation.began,
    )
