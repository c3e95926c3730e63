"""Faults of disks and of what lies on them."""

from __future__ import annotations

import time

from tests.lab.chainnet import SERVICE_UID
from tests.lab.faults import Faults
from tests.lab.shell import LabError

SMALL_DISK_MB = 420
"""Room for the data and for what a start demands to be free, and quickly filled."""
FOLLOWS_S = 60.0
DIED, NO_ROOM = "CONSENSUS F", "no space left on device"


class DiskFaults(Faults):
    """Full, corrupt."""

    def break_disk_full(
        self, host: str, filler: str = "filler", *, core: bool = False, halts: bool = False
    ) -> None:
        """Its data lies on a small file system, and that is full: the daemon dies writing. What
        fills it is a file of this name below data/; `core`: a core dump. `halts`:
        without its power no block comes; its consensus may live on, unable to write or to sign."""
        data, unit = f"{self.node(host).home}/data", self.unit(host)
        self.hosts[host].sh(
            f"systemctl stop {unit}; mv {data} {data}.kept; mkdir {data}\n"
            f"mount -t tmpfs -o size={SMALL_DISK_MB}m,mode=0755 tmpfs {data}\n"
            f"chown {SERVICE_UID}:{SERVICE_UID} {data}\n"
            f"cp -a {data}.kept/. {data}/; systemctl start {unit}"
        )
        self._follows_again(host)
        full_at = int(time.time())
        head = r"\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\004\000"
        header = f"printf '{head}' | dd of={data}/{filler} conv=notrunc 2>/dev/null" if core else ""
        self.hosts[host].sh(
            f"install -d -o {SERVICE_UID} -g {SERVICE_UID} $(dirname {data}/{filler})\n"
            f"dd if=/dev/zero of={data}/{filler} bs=1M 2>/dev/null\n{header}\ntrue"
        )
        self._noticed(host, full_at, NO_ROOM if halts else DIED)
        self.mend_host(lambda: self._roomy_again(host))

    def _follows_again(self, host: str) -> None:
        """Wait until a started node takes part: while it catches up, a full disk only delays it.

        Raises:
            LabError: not in time.
        """
        height, end = self.world.top() + 2, time.monotonic() + FOLLOWS_S
        while (self.world.height(host) or 0) < height:
            if time.monotonic() > end:
                raise LabError(f"{host} does not reach {height} within {FOLLOWS_S} s")
            time.sleep(0.1)

    def _noticed(self, host: str, since: int, words: str) -> None:
        """Wait until the daemon wrote these words: what fits into a page that is there already is
        still written for a block or two.

        Raises:
            LabError: not in time.
        """
        search = f"journalctl -u {self.unit(host)} --since=@{since} -o cat | grep -c '{words}'"
        end = time.monotonic() + FOLLOWS_S
        while int(self.hosts[host].sh(f"{search} || true")) == 0:
            if time.monotonic() > end:
                raise LabError(f"{host} survives a full disk for {FOLLOWS_S} s")
            time.sleep(0.2)

    def break_records(self, host: str, fault: str) -> None:
        """Where steps keep their record there is "no inode" left, or it is "read-only". What was
        there is there."""
        records = "/var/lib/remediate"
        how = {
            "no inode": f"tar -C {records} -cf /run/records.tar .\n"
            f"mount -t tmpfs -o nr_inodes=$(find {records} | wc -l),mode=0700 tmpfs {records}\n"
            f"tar -C {records} -xf /run/records.tar && rm /run/records.tar",
            "read-only": f"mount --bind {records} {records}; mount -o remount,bind,ro {records}",
        }[fault]
        self.hosts[host].sh(f"mkdir -p -m 0700 {records}; {how}")
        self.mend_host(lambda: self.hosts[host].sh(f"umount {records}"))

    def free_disk(self, host: str) -> None:
        """Free the space on the small disk; nothing is restarted."""
        self.hosts[host].sh(f"rm -f {self.node(host).home}/data/filler")

    def break_database(self, host: str, name: str = "application.db") -> None:
        """Garbage over most of every file of a database, and the node started on it."""
        self.systemctl(host, "stop", self.unit(host))
        database = self.hosts[host].path(f"{self.node(host).home}/data/{name}")
        sound = {path: path.read_bytes() for path in database.iterdir() if path.is_file()}
        for path, content in sound.items():
            if (path.suffix in (".ldb", ".log") or path.name.startswith("MANIFEST")) and content:
                path.write_bytes(content[:32] + b"\xa5" * max(0, len(content) - 32))
        self.systemctl(host, "start", self.unit(host), check=False)

        def mend() -> None:
            self.systemctl(host, "stop", self.unit(host), check=False)
            for path, content in sound.items():
                path.write_bytes(content)
            self.start(host)

        self.mend_node(mend)

    def break_store_of_another_height(self, host: str, blocks: int = 6) -> None:
        """Block store and consensus state are put back to those of some blocks before; the
        application's database is the newer one."""
        data = f"{self.node(host).home}/data"
        unit = self.unit(host)
        stores = ("blockstore.db", "state.db")
        copy = "; ".join(f"cp -a {data}/{store} {data}.older/" for store in stores)
        self.hosts[host].sh(f"systemctl stop {unit}; mkdir {data}.older; {copy}")
        self.start(host)
        self._wait_blocks(host, blocks)
        swap = "; ".join(
            f"mv {data}/{store} {data}.newer-{store}; mv {data}.older/{store} {data}/{store}"
            for store in stores
        )
        self.hosts[host].sh(f"systemctl stop {unit}; {swap}; rmdir {data}.older")
        self.systemctl(host, "start", unit, check=False)

        def mend() -> None:
            back = "; ".join(
                f"rm -rf {data}/{store}; mv {data}.newer-{store} {data}/{store}" for store in stores
            )
            self.stop(host)
            self.hosts[host].sh(back)
            self.start(host)

        self.mend_node(mend)

    def _wait_blocks(self, host: str, blocks: int) -> None:
        """Wait until a node has so many more blocks than the chain has now.

        Raises:
            LabError: not within a minute.
        """
        height, end = self.world.top() + blocks, time.monotonic() + 60
        while (self.world.height(host) or 0) < height:
            if time.monotonic() > end:
                raise LabError(f"{host} does not get to {height}")
            time.sleep(0.1)

    def _roomy_again(self, host: str) -> None:
        data, unit = f"{self.node(host).home}/data", self.unit(host)
        self.hosts[host].sh(
            f"systemctl stop {unit}; rm -f {data}/filler; rm -rf {data}.kept\n"
            f"cp -a {data} {data}.kept; umount {data}; rmdir {data}; mv {data}.kept {data}\n"
            f"systemctl reset-failed {unit}; systemctl start {unit}"
        )
