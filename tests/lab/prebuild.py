"""What scenarios need and a machine builds once: built before the first of them begins.

The clock that ends a scenario which hangs would else end the first ones on a machine that has built
nothing yet.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from tests.lab.binary import RELEASES, virtengined
from tests.lab.homes import network
from tests.lab.image import base_image
from tests.lab.kube.build import packages, programs
from tests.lab.needs import require
from tests.lab.scoring import scoring
from tests.lab.shell import LabError

Builds = tuple[Callable[[], object], ...]

CHAIN: Builds = (*(partial(virtengined, release) for release in RELEASES), network)
BUILDS: Mapping[str, Builds] = {
    "running_lab": (*CHAIN, base_image),
    "running_scorers": (*CHAIN, scoring),
    "cluster": (packages, programs),
}
"""By the fixture that needs it."""


def prebuild(fixtures: Iterable[str]) -> None:
    """Build what these fixtures need and the cache lacks. Minutes, the first time; ten more for a
    cluster.

    What cannot be built is left to the scenarios that need it: they fail, and say why.
    """
    wanted = set(fixtures)
    with contextlib.suppress(LabError):
        require()
        for fixture, builds in BUILDS.items():
            for build in builds if fixture in wanted else ():
                build()
