"""`remediate plan --rehearse`: try a branch on copies first, and plan with what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from remediations.engine.catalogue import Installed
from remediations.engine.domain import Inputs, pick_branch
from remediations.engine.plan.rehearsal import Comparison, Rehearsed
from remediations.errors import Refused, UsageError
from remediations.machine.config import load_machine_config
from remediations.reach.resolver import resolver_for
from remediations.render.document import Bullets, Heading, Paragraph
from remediations.render.formats import count_of
from remediations.render.markdown import folding_markdown
from remediations.render.printable import one_line
from remediations.values.inventory import Inventory


def rehearse_branch(
    installed: Installed,
    branch: str | None,
    situation: Any,  # noqa: ANN401 - only its domain knows it
    inputs: Inputs,
    inventory: Inventory,
) -> Rehearsed:
    """What came of the branch on copies of its targets. Nothing that is in use changes.

    Raises:
        Refused: no branch fits, or the copies do not come to what the plan wants.
        UsageError: the branch cannot be rehearsed.
        MachineError: ssh or ssh_config cannot be trusted.
    """
    domain, playbook = installed.domain, installed.playbook
    chosen = domain.choose(situation, inputs)
    picked = pick_branch(playbook, chosen, domain.finding(situation), branch)
    if picked.rehearse is None:
        can = [b.name for b in playbook.branches if b.rehearse is not None]
        raise UsageError(
            f"the branch {picked.name} cannot be rehearsed",
            guard="--rehearse",
            got=picked.name,
            expected=", ".join(can) or f"none of {playbook.id} can",
            next_step=f"remediate plan {playbook.id}",
        )
    proposal = picked.propose(chosen)
    copies = count_of(len(proposal.targets), "copy", "copies")
    click.echo(f"rehearsing on {copies}: nothing that is in use changes", err=True)
    resolver = resolver_for(load_machine_config(), inventory)
    done: list[Rehearsed] = []

    async def run() -> None:
        # Imported here: it loads the SSH library, which nothing else of a plan from a file needs.
        from remediations.reach.ssh import SshReach

        async with SshReach(inventory, resolver) as reach:
            assert picked.rehearse is not None
            done.append(await picked.rehearse(chosen, proposal, reach))

    asyncio.run(run())
    if not done[0].passed:
        raise Refused(
            f"{picked.name} was rehearsed, and did not pass; nothing was changed, no run was made",
            guard="rehearsal",
            got="; ".join((done[0].says, *map(_compared, done[0].compared))),
            expected="every copy is carried to its end, and what the plan wants comes of them",
            next_step=done[0].next_step,
        )
    return done[0]


def without_hosts(playbook: str, source: Path) -> UsageError:
    """A rehearsal takes place on the hosts, so there is none of a saved observation."""
    return UsageError(
        "--rehearse and --from exclude each other",
        guard="--rehearse",
        got=f"--from {source}",
        expected="hosts that can be reached",
        next_step=f"remediate plan {playbook} --rehearse",
    )


def with_rehearsed(inputs: Inputs, rehearsed: Rehearsed) -> Inputs:
    """The choices of people, and what the rehearsal found.

    Raises:
        Refused: people expected something else.
    """
    found: Mapping[str, str] = {one.name: one.value for one in rehearsed.inputs}
    for name, value in found.items():
        if inputs.get(name, value) != value:
            raise Refused(
                "the rehearsal came to something else than what was expected",
                guard="rehearsal",
                got=f"--{name} {value}",
                expected=f"--{name} {inputs[name]}",
                next_step="find out which of both is wrong; nothing was changed",
            )
    return MappingProxyType({**inputs, **found})


def rehearsal_text(rehearsed: Rehearsed) -> str:
    """What came of it, for people."""
    rows = [f"  {one.target}: {one.says}" for one in rehearsed.targets]
    rows += [f"  {_compared(one)}" for one in rehearsed.compared]
    return "\n".join(map(one_line, (f"rehearsed: {rehearsed.says}", *rows)))


def rehearsal_markdown(rehearsed: Rehearsed) -> str:
    """What came of it, for a review."""
    rows = [f"{one.target}: {one.says}" for one in rehearsed.targets]
    rows += map(_compared, rehearsed.compared)
    return folding_markdown(
        (Heading(2, "Rehearsed"), Paragraph(rehearsed.says), Bullets(tuple(rows)))
    )


def _compared(one: Comparison) -> str:
    return f"{one.moment}: {one.says}"
