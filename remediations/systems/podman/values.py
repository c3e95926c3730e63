"""What was read of the containers of hosts, in one look: the part `podman.reading/1`.

It is root's podman that is read. Containers of another user are told of (`Engine.rootless`), and
not read: their storage, their units and their processes belong to that user's own systemd.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from remediations.values.part import Kinded
from remediations.values.reading import Reading
from remediations.values.record import Moment, Record

MAX_CONTAINERS = 32
MAX_UNITS = 32
MAX_IMAGES = 64
MAX_LISTENERS = 128
MAX_STARTS = 64
"""Of one unit, the newest."""
STARTS_WITHIN_S = 86_400
"""For how long back the starts of units are counted."""


class Engine(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The podman of a host.

    `version` is "" where none is installed. `asleep`: nobody has used it since the host was booted.
    Then its containers are not asked for, because the first question after a boot makes podman
    write its state anew. `rootless` are users other than root who run containers now. `docker`: a
    docker daemon runs, whose containers are not read.
    """

    version: str
    asleep: bool = False
    rootless: tuple[str, ...] = ()
    docker: bool = False

    @property
    def is_there(self) -> bool:
        """Whether podman is installed for root."""
        return bool(self.version)


class Container(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One container.

    `state` is podman's word (`running`, `exited`, `created`, …), which is of the last time that
    podman looked; `pid_alive` and `conmon_alive` are what the host says of these processes now.
    `left` are all processes that belong to it, by their mounts and their conmon, also where its
    main process and its conmon are gone: what still answers although podman calls it exited.
    `image` is the name that it was made from, `image_digest` what that name meant then
    (`sha256:…`). `started_at` and `finished_at` are None if it never was. `restarts` are those by
    podman itself (`restart_policy`), not by systemd. `unit` is the unit in whose control group its
    conmon runs, else the one that its label names; "" for none. `health` is podman's word, "" where
    it has no health check.
    """

    id: str
    name: str
    state: str
    image: str
    image_id: str
    image_digest: str
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    exit_code: int
    pid: int
    pid_alive: bool
    conmon_pid: int
    conmon_alive: bool
    restart_policy: str
    left: tuple[int, ...] = ()
    restarts: int = 0
    out_of_memory: bool = False
    health: str = ""
    network: str = ""
    unit: str = ""

    @property
    def is_dead(self) -> bool:
        """Whether nothing of it is left but its name: no process, no conmon."""
        return not (self.pid_alive or self.conmon_alive or self.left)

    @property
    def runs(self) -> bool:
        """Whether its main process and its conmon are alive, whatever podman's word is."""
        return self.pid_alive and self.conmon_alive


class Dependant(Record, frozen=True, kw_only=True):
    """A unit that systemd stops with another one. `by` is the property that says so (`RequiredBy`,
    `RequisiteOf`, `BoundBy`, `ConsistsOf`, `PropagatesStopTo`); those of dependants are dependants,
    too."""

    unit: str
    active_state: str
    by: str


class ContainerUnit(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A service whose command runs a container.

    `container` is the name that its command gives (`--name`, or that of `podman start`), `image`
    the reference that its command runs; "" where the command does not say. `pull` is the value of
    `--pull`, "" for podman's default (`missing`). `creates`: the command makes the container
    (`podman run`), and does not start one that is there. `replaces` and `removes`: it has
    `--replace`, `--rm`. `has_job`: systemd has a job for it that waits or runs. `main_started` is
    when its main process was started last, `starts` are the times at which systemd began to start
    it within the last day, oldest first, by anybody: `NRestarts` counts only those that systemd
    decided itself. `held`: a run keeps everybody from starting it.
    """

    name: str
    load_state: str
    active_state: str
    sub_state: str
    result: str
    enabled: str
    invocation: str
    main_pid: int
    main_status: int
    main_started: Moment | None
    restarts: int
    restart_policy: str
    stop_timeout_s: int
    start_timeout_s: int
    user: str
    container: str
    image: str
    starts: Reading[tuple[Moment, ...]]
    dependants: tuple[Dependant, ...] = ()
    pull: str = ""
    replaces: bool = False
    removes: bool = False
    needs_reload: bool = False
    held: bool = False
    has_job: bool = False
    creates: bool = False

    @property
    def pinned(self) -> bool:
        """Whether its command names bytes, not a tag."""
        return "@sha256:" in self.image

    @property
    def is_masked(self) -> bool:
        """Whether its unit file is masked, for good or until the next boot."""
        return self.enabled in ("masked", "masked-runtime")


class Image(Record, frozen=True, kw_only=True):
    """An image that is on the host. `digests` are all that it is known by (`sha256:…`), `names` the
    tags that lead to it now: a tag can lead to other bytes tomorrow."""

    id: str
    digests: tuple[str, ...]
    names: tuple[str, ...]


class Listener(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A listening TCP socket of the host's network. `container` is the id of the container that the
    process belongs to, also where podman no longer knows it; "" for a process of the host. Of
    several processes that share a socket each is one."""

    address: str
    port: int
    pid: int
    command: str
    container: str = ""


class ContainerHost(Record, frozen=True, kw_only=True):
    """One host. Where podman is not installed, or is asleep, the rest is unknown: not asked."""

    host: str
    engine: Reading[Engine]
    containers: Reading[tuple[Container, ...]]
    units: Reading[tuple[ContainerUnit, ...]]
    images: Reading[tuple[Image, ...]]
    listeners: Reading[tuple[Listener, ...]]


class PodmanReading(Kinded, frozen=True, kw_only=True, dict=True):
    """All hosts of the inventory, in its order."""

    KIND: ClassVar[str] = "podman.reading/1"

    hosts: tuple[ContainerHost, ...]

    def host(self, name: str) -> ContainerHost:
        """The reading of host `name`.

        Raises:
            KeyError: it was not read.
        """
        return self._by_host[name]

    @cached_property
    def _by_host(self) -> Mapping[str, ContainerHost]:
        return {one.host: one for one in self.hosts}
