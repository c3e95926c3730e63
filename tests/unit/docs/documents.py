"""Real documents of each published kind: of worlds, plans and a recorded run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from remediations.cli.commands.schema import (
    Concluded,
)
from remediations.engine.catalogue import catalogue
from remediations.engine.doctor.line import lack_line, ok_line
from remediations.engine.find.finding import Finding
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.plan.change import compare_plans
from remediations.engine.plan.overview import PlanOverview, plan_overview
from remediations.engine.plan.plan import ChosenInput, Plan
from remediations.engine.plan.rehearsal import (
    Agreement,
    Comparison,
    Difference,
    Rehearsed,
    RehearsedTarget,
    Side,
)
from remediations.engine.whatif.projection import Projection, Supposition
from remediations.machine.config import MachineConfig
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.discover.proposal import InventoryProposal, propose
from remediations.playbooks.chain.gates import Synced
from remediations.playbooks.chain.present import present as for_people
from remediations.playbooks.chain.whatif.project import project
from remediations.playbooks.keys.compromise import PLAYBOOK as INC_005
from remediations.playbooks.keys.gates import baseline as keys_baseline
from remediations.playbooks.scoring.baseline import baseline
from remediations.playbooks.scoring.gates import AsDeclared, KeepsScoring, Serves
from remediations.playbooks.service.drain_node import DRAIN_NODE
from remediations.playbooks.service.gates import baseline as service_baseline
from remediations.playbooks.service.high_error_rate import PLAYBOOK
from remediations.playbooks.service.node_gates import Replaced
from remediations.systems.comet.reading import CometReading, sealed
from remediations.systems.podman.values import PodmanReading
from remediations.systems.scorer.poll import QueueSource
from remediations.systems.scorer.values import ModelOnDisk
from remediations.systems.sessions.inventory import SessionsEntry
from remediations.systems.stores.inventory import FilesPlace, StoresEntry
from remediations.systems.stores.look import read_store
from remediations.systems.stores.reading import StoresReading
from remediations.values.part import Part
from tests import worlds
from tests.inventories import node_entry
from tests.replay.recording import RESCUE
from tests.unit.diff.cases import difference
from tests.unit.docs.travelled import manifest, tally
from tests.unit.kubernetes.fake_nodes import two_nodes
from tests.unit.kubernetes.test_look import ENTRY
from tests.unit.plan.cases import case_of, minority_down, plan_of, quorum_lost, wrong_clock
from tests.unit.playbooks.keys.cases import situation as keys_situation
from tests.unit.playbooks.keys.reader_cases import installed, reader, readers
from tests.unit.playbooks.keys.session_cases import item as session_item
from tests.unit.playbooks.keys.session_cases import leaked, sessions
from tests.unit.playbooks.keys.session_cases import read as item_read
from tests.unit.playbooks.keys.store_cases import revoked as sealed_to_a_revoked_key
from tests.unit.playbooks.scoring.cases import case_of as scoring_case
from tests.unit.playbooks.scoring.cases import keeping
from tests.unit.playbooks.scoring.cases import observed as observed_with
from tests.unit.playbooks.service.namespaces import broken_release, situation_of
from tests.unit.playbooks.service.scored import pods_say, scored_situation
from tests.unit.report import journal as told
from tests.unit.stores import keys
from tests.worlds import containers, scoring
from tests.worlds.base import known
from tests.worlds.everybody import everybody_down
from tests.worlds.jail import jailed

Json = Any
RUN = next((RESCUE / "runs").iterdir())


def odd_worlds() -> list[CometReading]:
    healthy = worlds.healthy()
    return [
        healthy,
        quorum_lost(),
        minority_down(),
        worlds.unreachable(healthy, "val1"),
        worlds.partitioned(healthy, ("val1", "val4")),
        worlds.split(healthy, ("val1",), ("val2", "val3", "val4", "full1")),
        worlds.panicked(healthy, "val1", "val2"),
        worlds.sign_state_missing(healthy, "val2"),
        worlds.deciding(healthy),
        jailed(healthy, "val4"),
    ]


def plans() -> list[Plan]:
    return [
        plan_of(quorum_lost()),
        plan_of(minority_down()),
        plan_of(worlds.stopped(worlds.healthy(), "full1"), "node-down"),
        plan_of(wrong_clock(quorum_lost(), "val1")),
        plan_of(worlds.split(worlds.healthy(), ("val1",), ("val2", "val3", "val4", "full1"))),
        plan_of(everybody_down()),
        plan_of(jailed(worlds.healthy(), "val4"), "low-validators"),
        plan_of(worlds.duplicated(worlds.healthy(), "val4", "standby1"), "double-sign"),
    ]


def findings() -> list[Finding]:
    return [for_people(diagnose(world)) for world in odd_worlds()]


def proposals() -> list[InventoryProposal]:
    return [
        propose(world, [node_entry(name=r.host, role=r.role, ssh=r.host) for r in world.hosts])
        for world in odd_worlds()
    ]


def overview(world: CometReading) -> PlanOverview:
    """Of all that is installed."""
    installed = catalogue(MachineConfig()).playbooks
    return plan_overview(installed, sealed(world), frozenset(), {})


def projections() -> tuple[Projection, ...]:
    """Stops, cuts and a branch, one that a guard refuses among them."""
    case = case_of(quorum_lost())
    supposed = Supposition(stops=("val4",), cuts=(("val1", "val2"),), settings={"height": "114"})
    found = project(case.chain, supposed, case.proposal)
    return (replace(found, refused=("G37 val1",), next_step="remediate plan INC-001"),)


def concluded(world: CometReading) -> Concluded:
    finding = diagnose(world)
    return Concluded(finding=for_people(finding), detail=Part.of(finding), explained_by=())


@cache
def real_parts() -> Mapping[str, Part]:
    """One of each kind, as inventories, observations, findings and plans have them."""
    inventory = load_inventory(RESCUE / "inventory.yaml")
    told = (*inventory.parts, *inventory.hosts[0].parts)
    world = quorum_lost()
    observed = sealed(replace(world, hosts=world.hosts[:1])).parts
    split = worlds.split(world, ("val2",), ("val3", "val4", "full1"))
    found = [Part.of(diagnose(split)), Part.of(Synced(hosts=("val4",)))]
    planned = [
        part
        for plan in plans()
        for part in (*plan.baseline, *(stage.gate.asks for stage in plan.stages))
    ]
    more = (
        *scoring_parts(),
        *parts_of_a_cluster(),
        *parts_of_stores(),
        *parts_of_keys(),
        *parts_of_sessions(),
        *parts_of_readers(),
    )
    return {part.kind: part for part in (*told, *observed, *found, *planned, *more)}


def scoring_parts() -> Iterator[Part]:
    """Those of scoring services: two, of which one has another model."""
    other = {"disk": known(ModelOnDisk(sha256=scoring.OTHER, files=scoring.FILES))}
    reading = scoring.scorers({"val4": {**other, "asks": known(scoring.OTHERWISE)}})
    yield Part.of(reading.scoring)
    yield Part.of(reading.hosts[0].entry)
    yield Part.of(replace(reading, hosts=reading.hosts[:1]))
    case = scoring_case(observed_with(reading, keeping("val4", sha256=scoring.MODEL)))
    yield Part.of(case.situation.finding)
    yield from baseline(case.situation, case.proposal)
    yield from (stage.gate.asks for stage in case.proposal.stages)
    yield Part.of(KeepsScoring(hosts=("val1",)))
    settings, url = (scoring.THREADS,), "http://127.0.0.1:9090/metrics"
    yield Part.of(AsDeclared(hosts=("val1",), steady_s=15, settings=settings))
    queues = (QueueSource(host="val1", url=url, metric="queue"),)
    yield Part.of(Serves(hosts=("val1",), steady_s=15, settings=settings, queues=queues, below=10))
    # What has a default may be left out: only what has none is spoilt.
    bare = containers.host(
        "val1",
        containers=known((containers.container(left=(), network="", unit=""),)),
        units=known((containers.unit(pull="", removes=False, creates=False),)),
        listeners=known(()),
    )
    yield Part.of(PodmanReading(hosts=(bare,)))


def parts_of_a_cluster() -> Iterator[Part]:
    """What is told and read of a cluster, and what a plan for it holds."""
    service = situation_of(broken_release(), floor=1)
    back = next(one for one in PLAYBOOK.branches if one.name == "back-to-last-good")
    proposal = back.propose(service)
    yield Part.of(ENTRY)
    yield Part.of(service.reading)
    yield from service_baseline(service, proposal)
    yield proposal.stages[0].gate.asks
    api = broken_release()
    api.pods_say = pods_say({})
    scored = scored_situation(api)
    assert scored.scores is not None
    yield Part.of(scored.scores.reading)
    yield service_baseline(scored, back.propose(scored))[1]
    drain = DRAIN_NODE.propose(situation_of(two_nodes(), nodes=("n1",), node="n1"))
    yield from (stage.gate.asks for stage in drain.stages)
    yield Part.of(Replaced(workload="statefulset/scorer", pod="scorer-1", uid="u"))


def parts_of_stores() -> tuple[Part, ...]:
    """What an inventory says of stores, and what is read of them."""
    here = FilesPlace(name="vectors", path=str(Path(keys.__file__).parent))
    nowhere = FilesPlace(name="gone", path="/nowhere/at/all")
    reading = StoresReading(stores=(read_store(here, 60), read_store(nowhere, 60)))
    return (Part.of(StoresEntry(read_within_s=60, places=(here, nowhere))), Part.of(reading))


def parts_of_readers() -> Iterator[Part]:
    """What is read of readers of keys, and what plans for them hold."""
    installs, retires = readers(reader()), readers(installed())
    assert installs.readers is not None
    yield Part.of(installs.readers)
    yield Part.of(installs.readers.hosts[0].entry)
    for name, found in (("install-key", installs), ("retire-key-file", retires)):
        (branch,) = (one for one in INC_005.branches if one.name == name)
        proposal = branch.propose(found)
        yield from keys_baseline(found, proposal)
        yield proposal.stages[0].gate.asks


def parts_of_keys() -> Iterator[Part]:
    """What an inventory says of keys, what is read of them, and what a plan for one holds."""
    found = keys_situation()
    proposal = INC_005.branches[0].propose(found)
    yield Part.of(found.reading.section)
    yield Part.of(found.reading)
    yield from keys_baseline(found, proposal)
    yield proposal.stages[0].gate.asks
    out = sealed_to_a_revoked_key()
    (anew,) = (one for one in INC_005.branches if one.name == "re-encrypt")
    resealing = anew.propose(out)
    yield from keys_baseline(out, resealing)
    yield resealing.stages[0].gate.asks


def parts_of_sessions() -> Iterator[Part]:
    """What an inventory says of sessions, what is read of them, and what a plan that ends them
    holds."""
    by_program = session_item("database", run="/usr/sbin/rotate")
    reading = sessions(item_read(), item_read(by_program))
    items = tuple(one.item for one in reading.items)
    yield Part.of(SessionsEntry(machine="vault-1", directory="/srv/calls", items=items))
    yield Part.of(reading)
    out = leaked(reading)
    (ending,) = (one for one in INC_005.branches if one.name == "end-sessions")
    proposal = ending.propose(out)
    yield from keys_baseline(out, proposal)
    yield proposal.stages[0].gate.asks


def recorded(name: str) -> list[Json]:
    """The documents of the recorded run in this file: a journal has one on each line."""
    data = (RUN / name).read_bytes()
    return list(map(msgspec.json.decode, data.splitlines() if name.endswith("l") else [data]))


def failure() -> Json:
    names = ("what", "guard", "got", "expected", "next")
    return {name: f"{name} it is" for name in names}


def rehearsed() -> Rehearsed:
    """One that did not pass, with all that it can have."""
    one = Side(value="A1", targets=("val1",), weight=50)
    store = Difference(subject="store acc", sides=(one,))
    return Rehearsed(
        passed=False,
        says="the states would differ again",
        targets=(RehearsedTarget(target="val1", tried=True, says="A1"),),
        inputs=(ChosenInput(name="expect-hash", value="A1"),),
        next_step="mend it",
        compared=(
            Comparison(
                moment="stores before",
                agreement=Agreement.DIFFERENT,
                says="store acc: A1 50 of 100 (val1), B2 50 of 100 (val2)",
                differences=(store,),
            ),
        ),
    )


REAL: dict[str, Callable[[], list[object]]] = {
    "observation": lambda: [*map(sealed, odd_worlds())],
    "inventory": lambda: [load_inventory(RESCUE / "inventory.yaml")],
    "finding": lambda: [*findings()],
    "diagnosis": lambda: [(), tuple(map(concluded, odd_worlds()))],
    "diff": lambda: [
        difference(quorum_lost(), worlds.healthy()),
        difference(worlds.healthy(), worlds.stopped(worlds.healthy(standby=0), "val4")),
    ],
    "plan-diff": lambda: [compare_plans(plan_of(quorum_lost()), plan_of(minority_down()))],
    "whatif": lambda: [projections()],
    "rehearsal": lambda: [rehearsed()],
    "plan": lambda: [*plans()],
    "plan-all": lambda: [*map(overview, (worlds.healthy(), quorum_lost()))],
    "approval": lambda: [told.approval(plan_of(quorum_lost()))],
    "manifest": lambda: [manifest()],
    "tally": lambda: [tally()],
    "journal-entry": lambda: [
        *told.entries(plan_of(quorum_lost())),
        *told.entries(plan_of(quorum_lost()), state="failed", error="no space left\n"),
    ],
    "checks": lambda: [(), told.checks()],
    "report": lambda: [told.report(), told.report(good=False)],
    "part": lambda: [*real_parts().values()],
    "doctor-line": lambda: [
        ok_line("val1", "sudo", "there"),
        lack_line("val1", "home", "none", "mend it"),
    ],
    "answer": lambda: [
        {"error": None, "exit_code": 0, "outcome": "ok", "result": None},
        {"error": failure(), "exit_code": 10, "outcome": "locked", "result": None},
    ],
    "error": lambda: [failure()],
    "proposal": lambda: [*proposals()],
}
