"""Faults that a restart does not cure: named, refused with what to do, and no byte changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.lab.choice import only_some
from tests.lab.lab import Lab
from tests.lab.operator import Operator
from tests.lab.spec import HOSTS, NODES

REFUSED = 4
Break = Callable[[Lab], None]


@dataclass(frozen=True)
class Case:
    """A fault, what the diagnosis must call it, who is to blame ("" for the chain alone), and words
    of what it tells to do there."""

    name: str
    breaks: Break
    chain: str
    host: str = ""
    condition: str = ""
    advice: str = ""
    stalls: bool = False


def soon(lab: Lab) -> int:
    """A height that is about to come."""
    return lab.world.top() + 4


def duplicate(lab: Lab) -> None:
    """val4 is down, and its key also lies on the standby."""
    lab.break_stop("val4")
    lab.break_duplicate_key("val4")


def older(lab: Lab) -> None:
    """In a halt, a sign state from before the last block: started so, it could sign twice."""
    lab.wait_height(12, 30)
    lab.break_stop("val4")
    lab.break_sign_state_older("val1")


def goes_on(lab: Lab, *hosts: str) -> None:
    """Blocks come that the faulty node can be seen missing in."""
    lab.wait_height(lab.world.top() + 8, 60, *hosts)


def without_power(lab: Lab) -> None:
    """val4 follows with a key that the validator set does not know."""
    lab.break_key_without_power("val4")
    goes_on(lab)


def ahead(lab: Lab) -> None:
    """val4 follows, and refuses to sign for the next thousand blocks."""
    lab.break_sign_state_ahead("val4")
    goes_on(lab)


def signer_hangs(lab: Lab) -> None:
    """val3 waits for its remote signer at each vote, and blocks go on without it."""
    lab.with_remote_signer("val3")
    goes_on(lab)
    lab.break_signer_hangs("val3")
    goes_on(lab, "val1", "val2", "val4")


def signer_gone(lab: Lab) -> None:
    """val1 waits for its remote signer, and with it the chain."""
    lab.with_remote_signer("val1")
    goes_on(lab)
    lab.break_signer_stops("val1")


def other_store(lab: Lab) -> None:
    """Of val4's databases two are older than the third."""
    lab.break_store_of_another_height("val4")
    goes_on(lab, "val1")


def memory(lab: Lab) -> None:
    """val4 gets less memory than it needs."""
    lab.break_memory("val4")
    goes_on(lab, "val1")


CASES = (
    Case(
        "partition",
        lambda lab: lab.break_switch("val1", "val2", "val3", "val4", "full1"),
        chain="partition",
        stalls=True,
    ),
    Case(
        "panic everywhere",
        lambda lab: lab.break_panic(at=soon(lab)),
        chain="deterministic-panic",
        stalls=True,
    ),
    Case(
        "key missing", lambda lab: lab.break_key_missing("val4"), "degraded", "val4", "key-missing"
    ),
    Case(
        "sign state missing",
        lambda lab: lab.break_sign_state_missing("val4"),
        *("degraded", "val4", "sign-state-lost"),
    ),
    Case(
        "sign state zeroed",
        lambda lab: lab.break_sign_state_zeroed("val4"),
        *("degraded", "val4", "sign-state-lost"),
    ),
    Case(
        "sign state older",
        older,
        *("quorum-lost", "val1", "sign-state-lost"),
        stalls=True,
    ),
    Case("duplicate key", duplicate, "degraded", "val4", "duplicate-key"),
    Case(
        "database",
        lambda lab: lab.break_database("val4"),
        *("degraded", "val4", "database-corrupt"),
    ),
    Case("masked", lambda lab: lab.break_mask("val4"), "degraded", "val4", "disabled"),
    Case(
        "host gone",
        lambda lab: lab.break_host_gone("val1"),
        *("quorum-lost", "val1", "unreachable"),
        stalls=True,
    ),
    Case("key without power", without_power, "degraded", "val4", "no-power", "signing-info"),
    Case("sign state ahead", ahead, "degraded", "val4", "not-signing", "Touch nothing"),
    Case(
        "signer hangs",
        signer_hangs,
        *("degraded", "val3", "not-signing", "Look at the remote signer"),
    ),
    Case(
        "signer gone",
        signer_gone,
        *("quorum-lost", "val1", "not-signing", "Look at the remote signer"),
        stalls=True,
    ),
    Case("other store", other_store, "degraded", "val4", "database-corrupt", "Rebuild this node"),
    Case("memory", memory, "degraded", "val4", "keeps-failing", "Mend what its last words name"),
    Case(
        "signs twice",
        lambda lab: lab.break_duplicate_key("val4", started=True),
        *("double-signing", "standby1", "double-signing", "Stop this copy now, and leave val4"),
    ),
)


ALWAYS = ("sign state older", "duplicate key")
"""What would do the most harm if it were not refused."""


@pytest.mark.parametrize(
    "case",
    only_some(CASES, lambda case: case.name in ALWAYS),
    ids=lambda case: case.name.replace(" ", "-"),
)
def test_refused_and_untouched(case: Case, lab: Lab, operator: Operator) -> None:
    """The fault is called by its name, the plan is refused with a next step, nothing changes."""
    case.breaks(lab)
    if case.stalls:
        lab.wait_stalled(seconds=6)
    finding = operator.diagnose()
    assert finding["chain"] == case.chain, finding["explanation"]
    if case.host:
        node = next(n for n in finding["nodes"] if n["host"] == case.host)
        assert node["condition"] == case.condition, node
        assert case.advice in node["by_hand"], node
    restless = restless_nodes(lab)
    before, processes = quiet_files(lab, restless), lab.world.daemons()
    said = operator.plan("INC-001")
    assert said.code == REFUSED, said.document
    blocked = said.error or next(g for g in said.result["plan"]["guards"] if g["outcome"] != "pass")
    assert blocked["next" if said.error else "next_step"]
    assert quiet_files(lab, restless) == before
    after = lab.world.daemons()
    others = set(processes) - {case.host}
    assert {h: after[h] for h in others} == {h: processes[h] for h in others}
    assert list(operator.state.glob("runs/*")) == []


def at_rest(lab: Lab, host: str) -> bool:
    """Whether systemd will not start the node's daemon by itself."""
    words = ("show", "-p", "ActiveState", "--value", lab.unit(host))
    return lab.systemctl(host, *words).strip() in ("inactive", "failed")


def restless_nodes(lab: Lab) -> frozenset[str]:
    """Nodes that run, or that systemd starts again and again: they write by themselves."""
    return frozenset(
        spec.name
        for spec in NODES
        if lab.hosts[spec.name].init() is not None and not at_rest(lab, spec.name)
    )


def quiet_files(lab: Lab, restless: frozenset[str]) -> dict[str, dict[str, str]]:
    """All files of all hosts, but for the data of nodes that write by themselves."""
    found = {}
    for spec in HOSTS:
        if lab.hosts[spec.name].init() is None:
            continue
        ignore = ["var/log/", "var/lib/systemd/", "var/lib/dbus", "run/", "tmp/"]
        if spec.node is not None and spec.name in restless:
            ignore.append(f"{spec.node.home.lstrip('/')}/data")
            ignore.append(f"{spec.node.home.lstrip('/')}/config/addrbook.json")
        found[spec.name] = lab.world.tree(spec.name, ignore=tuple(ignore))
    return found
