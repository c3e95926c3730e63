"""Real stores on loopback, of which nothing stays: PostgreSQL as Debian has it, and versitygw."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from remediations.systems.stores.postgres import Table
from remediations.systems.stores.s3 import Bucket
from remediations.values.secret import Secret
from tests.lab.binary import fetch_modules
from tests.lab.cache import built_once
from tests.lab.recipe import recipe_key
from tests.lab.shell import LabError, run
from tests.lab.toolchain import Go, toolchain

GATEWAY = Path(__file__).parent / "gateway"
PACKAGE = "github.com/versity/versitygw/cmd/versitygw"
FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w")
USER = "nobody"
"""Who PostgreSQL runs as: it refuses root."""
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


def postgres_programs() -> Path:
    """Where initdb and postgres are.

    Raises:
        LabError: they are not installed.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin/initdb"))
    if not found:
        raise LabError("PostgreSQL is missing (apt-get install postgresql)")
    return found[-1].parent


@contextmanager
def postgres() -> Iterator[Table]:
    """A server with one user; the table has to be made still."""
    programs, port, password = postgres_programs(), _free_port(), "lab-password"
    as_user = ["setpriv", "--reuid", USER, "--regid", "nogroup", "--clear-groups"]
    as_user = as_user if os.geteuid() == 0 else []
    with _folder() as folder:
        secret, data = folder / "password", folder / "data"
        secret.write_text(password)
        run("chmod", "-R", "a+rX", str(folder))
        if as_user:
            run("chown", "-R", f"{USER}:nogroup", str(folder))
        made = ("--auth=scram-sha-256", "--username=admin", f"--pwfile={secret}", "--no-sync")
        run(*as_user, str(programs / "initdb"), "-D", str(data), *made)
        settings = {
            "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": "",
            "fsync": "off",
        }  # fmt: skip
        given = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        command = [*as_user, str(programs / "postgres"), "-D", str(data), *given]
        with _running(command, folder / "log", {}, lambda: _answers(port)):
            yield Table(
                host="127.0.0.1", port=port, database="postgres", user="admin",
                password=Secret(password.encode(), "postgres"), sslmode="disable",
                schema="public", table="vault", key_column="id", value_column="envelope",
            )  # fmt: skip


@contextmanager
def s3(*, versions: bool) -> Iterator[Bucket]:
    """A server with one bucket, `vault`, that keeps versions or does not."""
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
        with _running(running, folder / "log", keys, lambda: _answers(port)):
            yield bucket


@contextmanager
def _folder() -> Iterator[Path]:
    """One that another user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="remediate-store-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(
    command: list[str], log: Path, settings: dict[str, str], ready: Callable[[], bool]
) -> Iterator[None]:
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, env={**os.environ, **settings}
        )
    try:
        until = time.monotonic() + _READY_S
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise LabError(f"{command[0]} is not ready: {log.read_text()[-800:]}")
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(2)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0
