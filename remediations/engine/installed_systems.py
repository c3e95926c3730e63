"""Which systems are installed, by the rules of `remediations.engine.catalogue`.

A system that cannot be used is reported with the reason, and does not affect the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from remediations.engine.catalogue import UnusedEntry, load_group
from remediations.engine.entry_points import SYSTEMS
from remediations.engine.observe.inventory_section import InventorySection
from remediations.engine.observe.observation import Observation, failed_systems
from remediations.engine.plan.build import StepCompilers
from remediations.engine.system import DriverKind, HostSystem, RemoteSystem, System, system_flaw
from remediations.errors import Refused
from remediations.machine.config import MachineConfig


@dataclass(frozen=True, kw_only=True)
class InstalledSystems:
    """The systems that can be used, sorted by name, and those that are installed but cannot."""

    systems: tuple[System, ...]
    troubles: tuple[UnusedEntry, ...]

    @property
    def drivers(self) -> tuple[DriverKind, ...]:
        """All drivers.

        Raises:
            Refused: two systems provide a driver of the same name: it is unknown which is meant.
        """
        brought = [(driver, system) for system in self.systems for driver in system.drivers]
        for driver, _ in brought:
            rivals = [other.name for one, other in brought if one.name == driver.name]
            if len(rivals) > 1:
                raise Refused(
                    f"the driver {driver.name!r} is provided more than once",
                    guard="drivers",
                    got=f"by the systems {', '.join(rivals)}",
                    expected="one system that provides it",
                    next_step="`pip uninstall` what is not wanted, or leave its distribution out of"
                    " `playbooks` in the machine configuration",
                )
        return tuple(driver for driver, _ in brought)

    @property
    def inventory_sections(self) -> tuple[InventorySection, ...]:
        """All that an inventory may have besides names and logins.

        Raises:
            Refused: two systems declare one of the same name, read into the same kind, or as the
                one of version 1: which one is meant cannot be decided.
        """
        found = [(s.inventory_section, s) for s in self.systems if s.inventory_section]
        for section, _ in found:
            rivals = [system.name for other, system in found if _is_rival(section, other)]
            if len(rivals) > 1:
                raise Refused(
                    f"the section {section.name!r} of inventories is declared more than once",
                    guard="inventory sections",
                    got=f"by the systems {', '.join(rivals)}",
                    expected="one system that declares it",
                    next_step="`pip uninstall` what is not wanted, or leave its distribution out of"
                    " `playbooks` in the machine configuration",
                )
        return tuple(section for section, _ in found)

    @contextmanager
    def step_compilers(self) -> Iterator[StepCompilers]:
        """The pure halves of the drivers, open while the block runs."""
        with ExitStack() as held:
            yield {kind.name: held.enter_context(kind.compiler()) for kind in self.drivers}

    @property
    def on_hosts(self) -> tuple[HostSystem, ...]:
        """The systems whose fragments run on every host."""
        return tuple(one for one in self.systems if isinstance(one, HostSystem))

    def unanswered(self, observation: Observation) -> tuple[str, ...]:
        """The reasons, if no system could read anything at all; otherwise nothing.

        Raises:
            ValueError: the form of a part is not the one that the installed system writes.
        """
        reasons: list[str] = []
        for system in self.systems:
            part = observation.part(system.kind.KIND)
            if isinstance(system, RemoteSystem) and part is not None:
                why = system.unanswered(part.read(system.kind))
                if not why:
                    return ()
                reasons += why
        failed = [f"{system.name}: {system.reason}" for system in failed_systems(observation)]
        return (*failed, *reasons)


def _is_rival(one: InventorySection, other: InventorySection) -> bool:
    """Whether only one of the two can be there; a section is its own rival."""
    shared = {kind.KIND for kind in one.kinds} & {kind.KIND for kind in other.kinds}
    return one.name == other.name or bool(shared) or (one.flat and other.flat)


def installed_systems(config: MachineConfig) -> InstalledSystems:
    """All installed systems. Imports the allowed ones."""
    usable, troubles = load_group(SYSTEMS, System, system_flaw, lambda one: one.name, config)
    systems = sorted((system for _, _, system in usable), key=lambda one: one.name)
    return InstalledSystems(systems=tuple(systems), troubles=troubles)
