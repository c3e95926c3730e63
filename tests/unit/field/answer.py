"""What the command line answers to a world, and in what it differs from the right answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation import save_observation
from remediations.systems.comet.reading import CometReading, sealed
from remediations.values.reading import Known
from tests.unit.cli.desk import remediate
from tests.unit.field.case import Planned, Scene, Wanted
from tests.unit.field.hosts_program import arrived
from tests.worlds import change, known


@dataclass(frozen=True)
class Answer:
    """What `diagnose` and `plan` say. `texts` holds what is said about the whole, under "", and
    about each host."""

    exit_code: int
    chain: str
    conditions: dict[str, str]
    texts: dict[str, str]
    outcome: str
    on: tuple[str, ...]
    guards: tuple[str, ...]
    plan_says: str


def read(scene: Scene) -> CometReading:
    """The scene's world, with the lines of its journals that the product reads on a host."""
    world = scene.world
    for host, lines in scene.journals.items():
        unit = world.host(host).unit
        assert isinstance(unit, Known)
        found = known(arrived(unit.value, lines))
        world = change(world, host, lambda r, found=found: replace(r, journal=found))  # type: ignore[misc]
    return world


def answer(scene: Scene, directory: Path) -> Answer:
    """What an operator is told who runs `diagnose`, then `plan`, in `directory`."""
    world = read(scene)
    inventory = directory / "inventory.yaml"
    inventory.write_text(inventory_text(world))
    digest = inventory_digest(load_inventory(inventory))
    saved = directory / "observation.json"
    save_observation(sealed(replace(world, inventory_digest=digest)), saved)
    plan = scene.wanted.plan.playbook
    told = remediate("--json", "diagnose", "--from", saved).document
    asked = remediate("--json", "plan", plan, "--inventory", inventory, "--from", saved).document
    return Answer(**_diagnosed(told), **_planned(asked))


def inventory_text(world: CometReading) -> str:
    """The inventory of which `world` is read."""
    hosts = "".join(f"  {r.host}: {{role: {r.role}}}\n" for r in world.hosts)
    return f"version: 1\nchain:\n  id: {world.chain_id}\nhosts:\n{hosts}"


def _diagnosed(document: dict[str, Any]) -> dict[str, Any]:
    assert document["error"] is None, document
    (result,) = document["result"]
    finding = result["finding"]
    texts = {
        subject["name"]: _sentences(subject, "cause", "by_hand") for subject in finding["subjects"]
    }
    texts[""] = "\n".join(
        [
            _sentences(finding, "headline", "explanation", "next_step"),
            *(f"{row['title']}: {row['text']}" for row in finding["rows"]),
        ]
    )
    return {
        "exit_code": int(document["exit_code"]),
        "chain": finding["verdict"],
        "conditions": {s["name"]: s["condition"] for s in finding["subjects"]},
        "texts": texts,
    }


def _sentences(holder: dict[str, Any], *names: str) -> str:
    return "\n".join(holder[name] for name in names)


def _planned(document: dict[str, Any]) -> dict[str, Any]:
    plan = (document["result"] or {}).get("plan") or {"guards": (), "stages": ()}
    against = [guard for guard in plan["guards"] if guard["outcome"] != "pass"]
    error = document["error"]
    says = [f"{guard['id']} {guard['next_step']}" for guard in against]
    return {
        "outcome": document["outcome"],
        "on": tuple(sorted({step["target"] for s in plan["stages"] for step in s["steps"]})),
        "guards": tuple(guard["id"] for guard in against) or ((error["guard"],) if error else ()),
        "plan_says": "; ".join([*says, *([error["next"]] if error else [])]),
    }


def differences(found: Answer, wanted: Wanted) -> tuple[str, ...]:
    """Each sentence says what is not as it should be; none if the answer is right."""
    return (*_of_diagnosis(found, wanted), *_of_plan(found, wanted.plan))


def _of_diagnosis(found: Answer, wanted: Wanted) -> Iterator[str]:
    if wanted.exit_code not in (found.exit_code, None):
        yield f"exit {found.exit_code}, not {wanted.exit_code}"
    if wanted.chain and found.chain not in wanted.chain:
        yield f"the chain is {found.chain}, not {' or '.join(wanted.chain)}"
    condition = found.conditions.get(wanted.host, "")
    if wanted.condition and condition not in wanted.condition:
        yield f"{wanted.host} is {condition}, not {' or '.join(wanted.condition)}"
    told = f"{found.texts['']}\n{found.texts.get(wanted.host, '')}\n{found.plan_says}"
    for sentence in wanted.says:
        if not re.search(sentence, told):
            yield f"nothing says {sentence!r}"
    for host, text in (*found.texts.items(), ("the plan", found.plan_says)):
        for sentence in wanted.unsaid:
            if match := re.search(sentence, text):
                yield f"{host or 'the screen'} says {match[0]!r}"


def _of_plan(found: Answer, wanted: Planned) -> Iterator[str]:
    if found.outcome not in wanted.outcomes:
        right = " or ".join(wanted.outcomes)
        yield f"plan {wanted.playbook}: {found.outcome} {' '.join(found.on)}, not {right}"
    if wanted.on and found.on != tuple(sorted(wanted.on)):
        yield f"the plan acts on {found.on}, not {wanted.on}"
    if wanted.guards and not set(wanted.guards) & set(found.guards):
        yield f"refused by {' '.join(found.guards)}, not by {' or '.join(wanted.guards)}"
