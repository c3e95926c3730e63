"""The course of a verification: when it began, when each check ended, and what was seen meanwhile.

Nothing waits for it: the samples are looks that the checks make anyway, or that are made beside a
check that waits, and are handed on with `seen`. One that cannot be made into a sight costs its own
sample, and no check.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from remediations.engine.apply.look import Sample, Sight
from remediations.engine.runs.records import CheckEnded
from remediations.engine.verify.result import CheckResult

log = logging.getLogger(__name__)
MOST_SAMPLES = 2_000
"""Beyond them the newest look takes the place of the one before: one record holds them all."""


class Course:
    """Of one verification, from when it is made. Its times rise whatever the clock is set to."""

    def __init__(self, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self.began = datetime.now(UTC)
        self._elapsed_s = elapsed_s
        self._from_s = elapsed_s()
        self._heard: list[tuple[CheckResult, datetime]] = []
        self._samples: list[Sample] = []
        self._one_at_a_time = threading.Lock()

    def ended(self, results: Sequence[CheckResult]) -> tuple[CheckEnded, ...]:
        """When each of these results was heard, in the order in which they were; one that nobody
        told of ends now. What was heard and does not count, since the checks did not come to their
        end, is left out."""
        now = self._now()
        heard = {id(result): at for result, at in self._heard}
        return tuple(
            CheckEnded(
                id=result.id,
                host=result.host,
                outcome=result.outcome,
                at=heard.get(id(result), now),
            )
            for result in results
        )

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What was seen: each change, and the last look before it, so that a value that did not
        change is not drawn as a slow rise."""
        with self._one_at_a_time:
            return tuple(self._samples)

    def heard(self, result: CheckResult) -> None:
        """A check has ended."""
        self._heard.append((result, self._now()))

    def seen(self, look: Callable[[], Sight]) -> None:
        """A check has looked at the world, in whichever thread. What `look` raises stays here."""
        try:
            sight = look()
        except Exception as error:  # noqa: BLE001 - showing what a check saw never fails the check
            log.info("a look of the checks is not shown: %s: %s", type(error).__name__, error)
            return
        with self._one_at_a_time:
            sample = Sample(at=self._now(), sight=sight)
            if self._stands_still(sight) or len(self._samples) >= MOST_SAMPLES:
                self._samples[-1] = sample
            else:
                self._samples.append(sample)

    def _stands_still(self, sight: Sight) -> bool:
        last = [sample.sight for sample in self._samples[-2:]]
        return last == [sight, sight]

    def _now(self) -> datetime:
        return self.began + timedelta(seconds=self._elapsed_s() - self._from_s)
