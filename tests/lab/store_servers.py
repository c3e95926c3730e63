"""Real stores on loopback, of which nothing stays: PostgreSQL as Debian has it, and versitygw."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from remediations.systems.stores.postgres import Table
from remediations.systems.stores.s3 import Bucket
from remediations.values.secret import Secret
from tests.lab.binary import fetch_modules
from tests.lab.cache import built_once
from tests.lab.image import SUITE, own_sources
from tests.lab.recipe import recipe_key
from tests.lab.shell import LabError, run
from tests.lab.toolchain import Go, toolchain

GATEWAY = Path(__file__).parent / "gateway"
PACKAGE = "github.com/versity/versitygw/cmd/versitygw"
FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w")
UID = 65534
"""Who PostgreSQL runs as: it refuses root."""
POSTGRES = ("postgresql,dash", f"postgres:x:{UID}:{UID}::/nonexistent:/usr/sbin/nologin\n")
"""The packages (initdb wants a shell), and the one user that their root file system knows."""
SPACE = "/mnt/space"
"""A directory of the server's own, for a tablespace."""
_READY_S = 30


def versitygw() -> Path:
    """The program, from the cache; built if absent."""
    go = toolchain()
    pins = [(GATEWAY / name).read_text() for name in ("go.mod", "go.sum", "tools.go")]
    key = f"versitygw-{recipe_key(*pins, *FLAGS, go.version)}"
    return built_once(key, lambda directory: _build(go, directory / "versitygw")) / "versitygw"


def _build(go: Go, target: Path) -> None:
    print(f"lab: building versitygw with {go.version}", file=sys.stderr, flush=True)
    fetch_modules(go, GATEWAY)
    go.run("build", *FLAGS, "-o", str(target), PACKAGE, cwd=GATEWAY)


def postgres_root() -> Path:
    """A root file system with PostgreSQL of the lab's Debian, from the cache; made if absent.
    Nothing is installed on this machine, where a server would be started.

    Raises:
        LabError: the packages cannot be fetched.
    """
    return built_once(f"postgres-{recipe_key(*POSTGRES, SUITE)}", _extract) / "root"


def _extract(directory: Path) -> None:
    root = directory / "root"
    last: LabError | None = None
    for sources in (own_sources(), []):
        shutil.rmtree(root, ignore_errors=True)
        try:
            run(
                *("mmdebstrap", "--variant=extract", "--mode=root"),
                *(f"--include={POSTGRES[0]}", '--aptopt=Acquire::Retries "5"'),
                *(SUITE, str(root), *sources),
                timeout=900,
            )
        except LabError as error:
            last = error
            continue
        (root / "etc/passwd").write_text(POSTGRES[1])
        for name in ("mnt", "dev", "tmp"):
            (root / name).mkdir(mode=0o755, exist_ok=True)
        if not (root / "bin/sh").exists():
            (root / "bin/sh").symlink_to("dash")
        for name in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt"):
            shutil.rmtree(root / name, ignore_errors=True)
        return
    raise LabError(f"PostgreSQL could not be fetched: {last}")


class Server:
    """A server that can be stopped and started again where it was. `ready` is whether it
    answers."""

    def __init__(
        self, command: list[str], log: Path, settings: dict[str, str], ready: Callable[[], bool]
    ) -> None:
        self._command, self._log, self.settings, self._ready = command, log, settings, ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it answers.

        Raises:
            LabError: it does not.
        """
        with self._log.open("ab") as said:
            self._process = subprocess.Popen(
                self._command, stdout=said, stderr=subprocess.STDOUT,
                env={**os.environ, **self.settings},
            )  # fmt: skip
        until = time.monotonic() + _READY_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise LabError(f"{self._command[0]} is not ready: {self._log.read_text()[-800:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """As its manager would, or at once where that takes long."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


@contextmanager
def postgres() -> Iterator[Table]:
    """A server with one user; the table has to be made still."""
    with postgres_server() as (_, table):
        yield table


@contextmanager
def postgres_server(small: str = "") -> Iterator[tuple[Server, Table]]:
    """The same, and what stops and starts it. `small` is the size of a disk of its own for tables
    (`SPACE`), "" for none."""
    root, port, password = postgres_root(), _free_port(), "lab-password"
    program = next(root.glob("usr/lib/postgresql/*/bin/postgres")).parent.relative_to(root)
    with _folder() as folder:
        (folder / "password").write_text(password)
        (folder / Path(SPACE).name).mkdir()
        run("chown", "-R", f"{UID}:{UID}", str(folder))
        # The mounts are those of this one process: nothing of them stays.
        disk = f"mount -t tmpfs -o size={small},uid={UID},mode=700 tmpfs {root}{SPACE} && "
        script = (
            f"mount --bind {folder} {root}/mnt && mount --rbind /dev {root}/dev && "
            f"{disk if small else ''}"
            f'exec chroot --userspec={UID}:{UID} {root} /{program}/"$0" -D /mnt/data "$@"'
        )
        inside = ["unshare", "--mount", "sh", "-c", script]
        made = ("--auth=scram-sha-256", "--username=admin", "--pwfile=/mnt/password", "--no-sync")
        run(*inside, "initdb", "--locale=C", "--encoding=UTF8", *made)
        settings = {
            "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": "",
            "fsync": "off",
        }  # fmt: skip
        given = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        command = [*inside, "postgres", *given]
        table = Table(
            host="127.0.0.1", port=port, database="postgres", user="admin",
            password=Secret(password.encode(), "postgres"), sslmode="disable",
            schema="public", table="vault", key_column="id", value_column="envelope",
        )  # fmt: skip
        with _running(Server(command, folder / "log", {}, lambda: _serves(table))) as server:
            yield server, table


@contextmanager
def s3(*, versions: bool) -> Iterator[Bucket]:
    """A server with one bucket, `vault`, that keeps versions or does not."""
    with s3_server(versions=versions) as (_, bucket):
        yield bucket


@contextmanager
def s3_server(*, versions: bool) -> Iterator[tuple[Server, Bucket]]:
    """The same, and what stops and starts it."""
    program, port = versitygw(), _free_port()
    bucket = Bucket(
        endpoint=f"http://127.0.0.1:{port}", bucket="vault", prefix="env/", region="us-east-1",
        access_key="lab", secret_key=Secret(b"lab-secret-key", "s3"),
    )  # fmt: skip
    with _folder() as folder:
        for name in ("data", "versions", "sidecar"):
            (folder / name).mkdir()
        keeping = ["--versioning-dir", str(folder / "versions")] if versions else []
        extra = ["--sidecar", str(folder / "sidecar")]
        command = [str(program), "--port", f"127.0.0.1:{port}", "posix", *keeping, *extra]
        keys = {"ROOT_ACCESS_KEY": "lab", "ROOT_SECRET_KEY": "lab-secret-key"}
        running = [*command, str(folder / "data")]
        with _running(Server(running, folder / "log", keys, lambda: _answers(port))) as server:
            yield server, bucket


@contextmanager
def _folder() -> Iterator[Path]:
    """One that another user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="remediate-store-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


def _serves(table: Table) -> bool:
    """Whether it lets its user in: it listens before that."""
    try:
        psycopg.connect(
            host=table.host, port=table.port, dbname=table.database, user=table.user,
            password=table.password.reveal().decode(), connect_timeout=2,
        ).close()  # fmt: skip
    except psycopg.OperationalError:
        return False
    return True
