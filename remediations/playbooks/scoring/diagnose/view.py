"""One service as the diagnosis looks at it: what its reading amounts to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from msgspec import UnsetType

from remediations.systems.scorer.inventory import ScoringEntry
from remediations.systems.scorer.reading import ScorerReading
from remediations.systems.scorer.values import Ask, Setting
from remediations.values.reading import value_or_none

AnswerKey = tuple[str, ...]
"""The answers to all vectors, in their order."""
_HTTP_OK = 200


@dataclass(frozen=True, kw_only=True)
class ScorerView:
    """One reading, with the power of its host's key. `image` is the digest of the image that its
    container runs, "" where that is not known. `out_of_memory`: podman says that its container was
    ended for memory."""

    reading: ScorerReading
    scoring: ScoringEntry
    power: int
    image: str = ""
    out_of_memory: bool = False

    @property
    def host(self) -> str:
        """The host."""
        return self.reading.host

    @cached_property
    def asks(self) -> tuple[Ask, ...]:
        """All questions that were put to it."""
        return value_or_none(self.reading.asks) or ()

    @cached_property
    def by_vector(self) -> Mapping[str, tuple[str, ...]]:
        """Vector → its distinct answers."""
        found: dict[str, dict[str, None]] = {}
        for ask in self.asks:
            if ask.answer:
                found.setdefault(ask.vector, {})[ask.answer] = None
        return {vector: tuple(answers) for vector, answers in found.items()}

    @cached_property
    def varies(self) -> tuple[str, ...]:
        """The vectors to which it gave several answers."""
        return tuple(name for name, answers in self.by_vector.items() if len(answers) > 1)

    @cached_property
    def key(self) -> AnswerKey | None:
        """Its one answer to every vector; None where one is missing, or there are several."""
        vectors = [vector.name for vector in self.scoring.golden.vectors]
        if self.varies or any(name not in self.by_vector for name in vectors):
            return None
        return tuple(self.by_vector[name][0] for name in vectors)

    @property
    def unasked(self) -> int:
        """How many vectors were not asked: the time that there was did not do."""
        asked = {ask.vector for ask in self.asks}
        return sum(vector.name not in asked for vector in self.scoring.golden.vectors)

    @cached_property
    def late(self) -> bool:
        """Whether a vector had no answer in time, and none had one."""
        return any(ask.timed_out for ask in self.asks) and not self.by_vector

    @cached_property
    def works(self) -> bool:
        """Whether it is late, and completed requests of others meanwhile."""
        return self.late and (self.rose("completed") or 0) > 0

    @cached_property
    def troubles(self) -> tuple[str, ...]:
        """Why vectors have no answer, each reason once."""
        return tuple(dict.fromkeys(ask.trouble for ask in self.asks if ask.trouble))

    @cached_property
    def silent(self) -> bool:
        """Whether nothing took the questions."""
        return bool(self.asks) and all(not ask.status and not ask.timed_out for ask in self.asks)

    @cached_property
    def typical_ms(self) -> int | None:
        """The median time of an answer."""
        times = sorted(ask.ms for ask in self.asks if ask.answer)
        return times[len(times) // 2] if times else None

    @cached_property
    def loaded(self) -> str:
        """What the process says it loaded, "" where that is not known."""
        loaded = value_or_none(self.reading.loaded)
        return loaded.sha256 if loaded else ""

    @cached_property
    def on_disk(self) -> str:
        """The hash of the model directory, "" where that is not known."""
        disk = value_or_none(self.reading.disk)
        return disk.sha256 if disk else ""

    @property
    def model(self) -> str:
        """The model that it scores with, as far as anybody tells."""
        return self.loaded or self.on_disk

    @cached_property
    def cpu_class(self) -> str:
        """What decides which kernels a library chooses: what its operator calls the host, the flags
        of its processors, and the declared names that choose, too; "" where none is known."""
        machine = value_or_none(self.reading.machine)
        choosing = set(self.scoring.class_settings)
        words = [self.reading.entry.cpu_class or "", machine.cpu_class if machine else ""]
        words += [f"{one.name}={one.value}" for one in self.settings or () if one.name in choosing]
        return "/".join(word for word in words if word)

    @cached_property
    def settings(self) -> tuple[Setting, ...] | None:
        """The declared names that its process has; None where that was not read."""
        process = value_or_none(self.reading.process)
        return None if process is None else process.settings

    @cached_property
    def libraries(self) -> tuple[str, ...]:
        """Name and hash of what is mapped, empty where nothing is or it was not read."""
        process = value_or_none(self.reading.process)
        mapped = () if process is None else process.libraries
        return tuple(f"{one.name} {one.sha256}" for one in mapped)

    @property
    def last_line(self) -> str:
        """What it said last, where it is not there; "" where that was not read."""
        line = self.reading.last_line
        return "" if isinstance(line, UnsetType) else value_or_none(line) or ""

    @cached_property
    def healthy(self) -> bool | None:
        """Whether /health answers; None where nobody knows its URL."""
        health = value_or_none(self.reading.health)
        return None if health is None else health.status == _HTTP_OK

    def rose(self, counter: str) -> int | None:
        """By how much a counter rose while it was asked; None where it is not shown."""
        first, second = (value_or_none(moment) for moment in self.reading.counters)
        before = getattr(first, counter) if first else None
        after = getattr(second, counter) if second else None
        return None if before is None or after is None else after - before

    @cached_property
    def queue(self) -> int | None:
        """The queue at the second moment."""
        last = value_or_none(self.reading.counters[1])
        return last.queue if last else None

    @cached_property
    def capacity(self) -> tuple[tuple[str, int, int], ...]:
        """What its process has otherwise than is normal: name, value, and what is normal."""
        have = {one.name: one.value or "" for one in self.settings or ()}
        limits = self.scoring.limits
        return tuple(
            (one.setting, int(have[one.setting]), one.normal)
            for one in (limits.rate, limits.workers)
            if one is not None
            and have.get(one.setting, "").isdecimal()
            and int(have[one.setting]) != one.normal
        )


def digest_of(key: AnswerKey) -> str:
    """What a group of answers is called by."""
    return hashlib.sha256("\n".join(key).encode()).hexdigest()


def wrong_settings(
    declared: tuple[Setting, ...], found: tuple[Setting, ...]
) -> tuple[tuple[Setting, str | None], ...]:
    """The declared settings that a process does not have, each with what it has instead, None for
    nothing. Declared as "", any value but none will do."""
    have = {one.name: one.value for one in found}
    return tuple(
        (one, have.get(one.name))
        for one in declared
        if (not have.get(one.name) if one.value == "" else have.get(one.name) != one.value)
    )
