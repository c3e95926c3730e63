"""Whether the services that were acted on have what is declared, now and after a next start."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest
from testinfra.host import Host

from remediations.engine.verify.given import Given
from remediations.playbooks.scoring.baseline import Scorers
from remediations.playbooks.scoring.checks.titles import TITLES
from remediations.systems.scorer.poll import environment_text
from remediations.values.lines import split_lines

Saw = Callable[[str], None]
"""Says what was seen."""


def _declared(given: Given) -> list[str]:
    """NAME=VALUE, as the plan has them."""
    facts = {fact.name: fact.value for fact in given.plan.facts}
    return facts["scoring.settings"].split()


@pytest.mark.check("VP11", TITLES["VP11"])
def test_process_has_the_declared_settings(
    given: Given, host_of: Callable[[str], Host], saw: Saw
) -> None:
    """In the environment of the process on the service's port."""
    declared, urls = (
        _declared(given),
        {one.host: one.url for one in given.plan.part(Scorers).scorers},
    )
    names = [word.partition("=")[0] for word in declared]
    wrong: dict[str, str] = {}
    for name in given.plan.targets:
        host = host_of(name)
        with host.sudo():
            found = split_lines(host.check_output(environment_text(urls[name], names)))
        lacks = [word for word in declared if f"set_{word}" not in found]
        if lacks or "settings=yes" not in found:
            wrong[name] = ", ".join(lacks) or "no process"
    right = len(given.plan.targets) - len(wrong)
    saw(f"{right} of {len(given.plan.targets)} processes have {' '.join(declared)}")
    assert not wrong, f"not set: {wrong}"


@pytest.mark.check("VP12", TITLES["VP12"])
def test_environment_file_has_the_declared_settings(
    given: Given, host_of: Callable[[str], Host], saw: Saw
) -> None:
    """On a line of their own, and on no other: the next start has them, too."""
    facts = {fact.name: fact.value for fact in given.plan.facts}
    declared = _declared(given)
    wrong: dict[str, str] = {}
    for name in given.plan.targets:
        file, host = facts[f"{name}.environment_file"], host_of(name)
        pattern = "|".join(word.partition("=")[0] for word in declared)
        with host.sudo():
            told = host.check_output(f"grep -aE '^({pattern})=' {shlex.quote(file)}")
            found = split_lines(told)
        if sorted(found) != sorted(declared):
            wrong[name] = ", ".join(sorted(set(declared) - set(found))) or "one twice"
    right = len(given.plan.targets) - len(wrong)
    saw(f"{right} of {len(given.plan.targets)} files have {' '.join(declared)}")
    assert not wrong, f"not in the file: {wrong}"
