"""Nodes below cosmovisor: what their hosts tell of it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from msgspec.structs import replace

from remediations.systems.comet.cosmovisor import Cosmovisor, Upgrade
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.reading import Known
from tests.worlds.base import change, known, unit_of

COSMOVISOR = "/usr/local/bin/cosmovisor"
INFO = "f" * 64
"""The hash of an `upgrade-info.json`."""


def below_cosmovisor(observation: CometReading, *hosts: str, **told: Any) -> CometReading:  # noqa: ANN401 - Cosmovisor's own fields
    """These nodes run below cosmovisor, with the program of `genesis`. `asked`: the name of the
    upgrade that their application asked for."""
    for host in hosts:
        observation = change(observation, host, lambda reading: _below(reading, **told))
    return observation


def _below(reading: HostReading, asked: str = "", **told: Any) -> HostReading:  # noqa: ANN401
    assert isinstance(reading.unit, Known)
    assert isinstance(reading.binary, Known)
    home = reading.unit.value.home
    name = PurePosixPath(reading.binary.value.path).name
    genesis = f"{home}/cosmovisor/genesis"
    found = Cosmovisor(
        home=home,
        name=name,
        config_file=False,
        recase=True,
        backup=False,
        link=genesis,
        leads=genesis,
        selected=None,
        asked=Upgrade(name=asked, height=114, sha256=INFO) if asked else None,
        place_sha256="",
        placed=(),
    )
    return replace(
        reading,
        unit=unit_of(reading, binary=COSMOVISOR),
        binary=known(replace(reading.binary.value, path=f"{genesis}/bin/{name}")),
        cosmovisor=known(replace(found, **told)),
    )
