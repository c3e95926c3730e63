"""What people choose for a plan: from what was typed to canonical texts. Pure.

1. One choice has one text, whatever was typed for it.
2. A choice that nothing uses is refused, never ignored: whoever made it would believe that it is
   heeded.
3. A plan carries its choices, and is made again with them: at `apply` nobody chooses anything.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from remediations.engine.domain import Branch, Input, Inputs, Playbook
from remediations.engine.plan.plan import ChosenInput, Plan
from remediations.errors import UsageError


def parse_inputs(playbook: Playbook[Any], typed: Mapping[str, Sequence[str]]) -> Inputs:
    """The choices that were typed for `playbook`: all texts that were given for each name.

    Raises:
        UsageError: the playbook does not take one, or it was given twice, or cannot be read.
    """
    known = {one.name: one for one in playbook.inputs}
    for name, texts in typed.items():
        if name not in known:
            raise UsageError(
                f"{playbook.id} takes no --{name}",
                guard=f"--{name}",
                got=" ".join(f"--{name} {text}" for text in texts),
                expected=listed_inputs(playbook.inputs) or "none: it leaves nothing to choose",
                next_step="`remediate list` shows what each branch takes",
            )
    return MappingProxyType(
        {name: _parsed(one, typed[name], playbook) for name, one in known.items() if name in typed}
    )


def _parsed(one: Input, texts: Sequence[str], playbook: Playbook[Any]) -> str:
    try:
        if len(texts) > 1:
            raise ValueError("it is given once")
        return one.parse(texts[0])
    except ValueError as error:
        raise UsageError(
            f"--{one.name} cannot be used",
            guard=f"--{one.name}",
            got=", ".join(map(repr, texts)),
            expected=f"{one.metavar}: {error}",
            next_step=f"remediate plan {playbook.id} --{one.name} {one.metavar}",
        ) from error


def check_used(playbook: Playbook[Any], branch: Branch[Any], inputs: Inputs) -> None:
    """Check that the branch uses each of these choices.

    Raises:
        UsageError: it does not use one; names the branches that do.
    """
    used = {one.name for one in branch.inputs}
    for name, value in inputs.items():
        if name in used:
            continue
        takers = [b.name for b in playbook.branches if name in {one.name for one in b.inputs}]
        raise UsageError(
            f"the branch {branch.name} takes no --{name}",
            guard=f"--{name}",
            got=f"--{name} {value}, and the branch {branch.name}",
            expected=f"a branch that takes it: {', '.join(takers)}",
            next_step=f"`remediate plan {playbook.id}` without it, or "
            f"`remediate plan {playbook.id} --branch {takers[0]} --{name} {shlex.quote(value)}`",
        )


def listed_inputs(inputs: Iterable[Input]) -> str:
    """`--pause SECONDS, --colour NAME`."""
    return ", ".join(f"--{one.name} {one.metavar}" for one in inputs)


def chosen_inputs(branch: Branch[Any], inputs: Inputs) -> tuple[ChosenInput, ...]:
    """The choices as a plan of the branch has them, in the branch's order."""
    names = (one.name for one in branch.inputs)
    return tuple(ChosenInput(name=name, value=inputs[name]) for name in names if name in inputs)


def planned_inputs(plan: Plan, branch: Branch[Any]) -> Inputs:
    """The choices that a plan was made with.

    Raises:
        ValueError: one is not what `parse_inputs` gives for this branch.
    """
    known = {one.name: one for one in branch.inputs}
    for chosen in plan.inputs:
        if chosen.name not in known:
            raise ValueError(f"the branch {branch.name} takes no --{chosen.name}")
        if known[chosen.name].parse(chosen.value) != chosen.value:
            raise ValueError(f"--{chosen.name} is not in its canonical form")
    return MappingProxyType({chosen.name: chosen.value for chosen in plan.inputs})
