"""What a contestant has: the operator's files, a place to work, and a way to run commands.

Commands that act are run by `act`, once or many times: what a disaster has in store for the rescue
happens during the first of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.lab import CHECKOUT
from tests.lab.spec import HOSTS

COMMAND_LIMIT_S = 300.0
LOOK_S = 0.02
NODES = {s.name: s.node for s in HOSTS if s.node is not None and s.node.started}
"""What an operator knows of the machines whose daemon is to run: units, homes, ports, powers."""


@dataclass(frozen=True)
class Done:
    """How a command ended; `killed`: from outside, with the machine that it ran on."""

    code: int
    out: str
    errors: str
    killed: bool = False


@dataclass
class Trouble:
    """What happens during the first command that acts: `strike` when it has got to step `at`;
    without one the command itself is killed."""

    at: int
    strike: Callable[[], object] | None
    happened: bool = False


@dataclass
class Scene:
    """One rescue: the inventory and keys of an operator, and an empty directory."""

    inventory: Path
    ssh_config: Path
    key: Path
    directory: Path
    trouble: Trouble | None = None
    program: Path | None = None
    """What the developers sent: it gets past the block at which the chain stands."""
    ends_at: float = float("inf")

    def run(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> Done:
        """A command that only looks."""
        with self._started(argv, environment) as process:
            return self._ended(process)

    def act(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str] | None = None,
        progress: Callable[[], int] | None = None,
    ) -> Done:
        """A command that changes something. `progress` says how many steps it has done; seconds
        are counted where there is none."""
        began = time.monotonic()
        steps = progress or (lambda: int(time.monotonic() - began))
        with self._started(argv, environment) as process, self._troubled(process, steps):
            done = self._ended(process)
        hit = self.trouble is not None and self.trouble.strike is None and self.trouble.happened
        killed = hit and done.code == -signal.SIGKILL
        return Done(done.code, done.out, done.errors, killed)

    def look_on(self, commands: Mapping[str, str]) -> dict[str, str]:
        """What a command says on each host, run at the same time as the operator; "" for one that
        cannot be asked."""
        with ThreadPoolExecutor(max(1, len(commands))) as pool:
            said = pool.map(lambda item: self.run(self._ssh(*item)).out, commands.items())
            return dict(zip(commands, said, strict=True))

    def act_on(self, commands: Mapping[str, str]) -> Done:
        """Change something on each host, at the same time, as the operator."""
        lines = [json.dumps(self._ssh(host, command)) for host, command in commands.items()]
        return self.act([sys.executable, "-m", "tests.soak.ssh_all", *lines])

    def _ssh(self, host: str, command: str) -> list[str]:
        options = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=5")
        return ["ssh", "-F", str(self.ssh_config), *options, host, command]

    @contextmanager
    def _started(
        self, argv: Sequence[str], environment: Mapping[str, str] | None
    ) -> Iterator[subprocess.Popen[str]]:
        """The command in a process group of its own; whatever is left of it ends with it."""
        process = subprocess.Popen(
            argv,
            cwd=CHECKOUT,
            env=dict(environment) if environment is not None else _plain(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _ended(self, process: subprocess.Popen[str]) -> Done:
        limit = min(COMMAND_LIMIT_S, max(1.0, self.ends_at - time.monotonic()))
        try:
            out, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, errors = process.communicate()
            errors += f"\nended from outside after {limit:.0f} s"
        return Done(process.returncode, out, errors)

    @contextmanager
    def _troubled(self, process: subprocess.Popen[str], steps: Callable[[], int]) -> Iterator[None]:
        """Lets the trouble happen while the command runs, if it has not happened yet."""
        trouble = self.trouble
        if trouble is None or trouble.happened:
            yield
            return

        def watch() -> None:
            while process.poll() is None:
                if steps() >= trouble.at:
                    trouble.happened = True
                    if trouble.strike is not None:
                        trouble.strike()
                    else:
                        os.killpg(process.pid, signal.SIGKILL)
                    return
                time.sleep(LOOK_S)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            thread.join()


def _plain() -> dict[str, str]:
    """No agent, no settings of the person who runs the soak."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}
