"""Which settings of a node's files would end it after a start. Pure."""

from __future__ import annotations

from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.systems.comet.configure import FLAGS, SETTING_NAMES
from remediations.systems.comet.double_sign_check import forbids_start
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import value_or_none


def double_sign_check(chain: ChainSituation, host: str) -> int:
    """`double_sign_check_height` of a host; 0 where it is off or was not read."""
    config = value_or_none(chain.observation.host(host).config)
    return 0 if config is None else config.double_sign_check_height


def check_forbids(chain: ChainSituation, reading: HostReading) -> bool | None:
    """Whether `double_sign_check_height` forbids the start of a node that may sign; None if that
    depends on a version that is unknown, or the file was not read. What 1 does depends on the
    version, which only a node that answers reports."""
    config = value_or_none(reading.config)
    if config is None:
        return None
    if not chain.may_sign(reading.host):
        return False
    status = latest_status(reading)
    version = status.version if status is not None else None
    return forbids_start(config.double_sign_check_height, version)


def forbidding(chain: ChainSituation, host: str) -> tuple[str, ...]:
    """The settings that forbid the start of a host, or may; () where none does, or its files were
    not read."""
    reading = chain.observation.host(host)
    config = value_or_none(reading.config)
    if config is None:
        return ()
    found = {
        "double_sign_check_height": check_forbids(chain, reading) is not False,
        "halt_height": bool(config.halt_height),
        "halt_time": bool(config.halt_time),
    }
    return tuple(SETTING_NAMES[name] for name, forbids in found.items() if forbids)


def set_by_flags(reading: HostReading) -> tuple[str, ...]:
    """The flags on the unit's command line that decide in place of the files."""
    unit = value_or_none(reading.unit)
    words = {
        word[2:].partition("=")[0]
        for word in (unit.arguments if unit is not None else ())
        if word.startswith("--")
    }
    return tuple(f"--{flag}" for flag in FLAGS.values() if flag in words)
