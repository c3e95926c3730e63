"""Whether the services that were acted on have the planned workers or rate, and few wait there."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest
from testinfra.host import Host

from remediations.engine.verify.given import Given
from remediations.playbooks.scoring.baseline import Scorers
from remediations.playbooks.scoring.checks.titles import TITLES
from remediations.playbooks.scoring.gates import Serves
from remediations.systems.scorer.poll import environment_text, queue_text, read_queue
from remediations.values.lines import split_lines

Saw = Callable[[str], None]
"""Says what was seen."""


def _asked(given: Given) -> list[Serves]:
    """What the gates of the plan waited for: one host each, its settings and its queue."""
    gates = [stage.gate.asks for stage in given.plan.stages]
    return [asks.read(Serves) for asks in gates if asks.kind == Serves.KIND]


@pytest.mark.check("VP13", TITLES["VP13"])
def test_process_and_file_have_the_planned_capacity(
    given: Given, host_of: Callable[[str], Host], saw: Saw
) -> None:
    """Now, and after a next start: on a line of its own, and on no other."""
    facts = {fact.name: fact.value for fact in given.plan.facts}
    urls = {one.host: one.url for one in given.plan.part(Scorers).scorers}
    asked = [(host, one.settings) for one in _asked(given) for host in one.hosts]
    assert asked, "the plan sets no capacity"
    wrong: dict[str, str] = {}
    for name, settings in asked:
        words = [f"{one.name}={one.value}" for one in settings]
        file, host = facts[f"{name}.environment_file"], host_of(name)
        pattern = "|".join(one.name for one in settings)
        with host.sudo():
            text = environment_text(urls[name], [one.name for one in settings])
            runs = split_lines(host.check_output(text))
            lines = split_lines(host.check_output(f"grep -aE '^({pattern})=' {shlex.quote(file)}"))
        if [f"set_{word}" for word in words] != [one for one in runs if one != "settings=yes"]:
            wrong[name] = f"its process has not {' '.join(words)}"
        elif lines != words:
            wrong[name] = f"{file} has not {' '.join(words)}"
    saw(f"{len(asked) - len(wrong)} of {len(asked)} have it")
    assert not wrong, f"not set: {wrong}"


@pytest.mark.check("VP14", TITLES["VP14"])
def test_few_requests_wait(given: Given, host_of: Callable[[str], Host], saw: Saw) -> None:
    """At each service that was acted on, as its metrics say."""
    wrong: dict[str, str] = {}
    told: list[str] = []
    for asked in _asked(given):
        for source in asked.queues:
            said = host_of(source.host).check_output(queue_text(source))
            queue = read_queue(split_lines(said))
            told.append(f"{source.host} {'unknown' if queue is None else queue}")
            if queue is None or queue >= asked.below:
                wrong[source.host] = "not known" if queue is None else f"{queue} wait"
    assert told, "the plan names no queue"
    saw(", ".join(told))
    assert not wrong, f"requests wait: {wrong}"
