"""Faults of the inference service: of its process, its container, its model, its settings."""

from __future__ import annotations

import time
from dataclasses import replace

from tests.lab.client import Client
from tests.lab.containers import REPOSITORY, TAG
from tests.lab.scoring import (
    CONTAINER,
    CONTROL,
    METADATA,
    MODEL,
    PREDICT_PORT,
    UNIT,
    WEIGHTS,
    Command,
    Scoring,
    loader_hash,
    model_files,
    wait_ready,
    write_model,
    write_unit,
)
from tests.lab.second_owner import share_port
from tests.lab.shell import LabError

OTHER_MODEL = "trust_score_next"
GPU = "/dev/nvidia0"
FEW_MEMORY = " ".join(
    f"--ulimit {limit}" for limit in ("data=268435456", "nofile=4096", "nproc=4096")
)
"""One limit that is named takes the place of all that podman's configuration has."""
STALE_LIMIT_S = 15.0
DROP_IN = "fault.conf"
GATEWAY = "veid-gateway.service"


class ScoringFaults(Client):
    """For a lab that has scorers: `Lab.up(…, scores=True)`."""

    scoring: Scoring | None

    def ask_score(self, subject: str) -> None:
        """A transaction that asks for the score of a subject, which every node's scorer is asked
        for when the block is executed. Not a fault where they agree."""
        self.submit(_payment, memo=f"veid-score {subject}")

    def break_scorer_slow(self, host: str, milliseconds: int = 3000) -> None:
        """Every answer takes so much longer, also after a restart."""
        self._control(host, "slow-ms", milliseconds)

    def break_scorer_errors(self, host: str, percent: int = 100) -> None:
        """So many of hundred requests fail, until the process is restarted."""
        self._control(host, "errors.once", percent)

    def break_scorer_hangs(self, host: str) -> None:
        """The engine freezes at the next request; /health goes on to say OK. A restart cures it."""
        self._control(host, "hang.once", 1)

    def break_scorer_queue(self, host: str, per_second: int = 20) -> None:
        """More requests than it can answer: the queue grows, also after a restart."""
        self._control(host, "slow-ms", 200)
        self._control(host, "load", per_second)

    def end_scorer_queue(self, host: str) -> None:
        """No more of these requests come, and each is answered as fast as before."""
        for name in ("load", "slow-ms"):
            self.hosts[host].path(f"{CONTROL}/{name}").unlink(missing_ok=True)

    def break_scorer_stopped(self, host: str) -> None:
        """Stopped by a person."""
        self.systemctl(host, "stop", UNIT)
        self.mend_node(lambda: self.start_scorer(host))

    def break_wrong_model(self, host: str) -> None:
        """Another model, and a unit that expects it: sound by itself, with other answers."""
        files = model_files(OTHER_MODEL)
        write_model(self.hosts[host], files)
        self._run_as(host, replace(self._sound().command(), hash=loader_hash(files)))

    def break_model_changed(self, host: str) -> None:
        """Other files below a scorer that runs: it notices at its next start, and refuses it."""
        write_model(self.hosts[host], model_files(OTHER_MODEL))
        self.mend_node(lambda: self._sound_again(host))

    def break_half_copied_model(self, host: str) -> None:
        """The copy of the weights ended half way, and the scorer was started again: it refuses the
        model, again and again."""
        weights = self.hosts[host].path(f"{MODEL}/{WEIGHTS}")
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
        self._run_as(host, self._sound().command(), comes_up=False)

    def break_half_copied_unnoticed(self, host: str) -> None:
        """The same, and the unit was given the hash of what lies there: it starts, and every
        request is an error."""
        files = model_files("trust_score")
        files[WEIGHTS] = files[WEIGHTS][: len(files[WEIGHTS]) // 2]
        del files[METADATA]
        write_model(self.hosts[host], files)
        self._run_as(host, replace(self._sound().command(), hash=loader_hash(files)))

    def break_other_digest(self, host: str) -> None:
        """The right name, and another image behind it: the unit runs a tag, and the tag was moved
        to another build, whose answers differ."""
        pinned = self._sound().pinned
        self.mend_host(lambda: self.hosts[host].sh(f"podman tag {pinned} {REPOSITORY}:{TAG}"))
        self.hosts[host].sh(f"podman tag {REPOSITORY}:other {REPOSITORY}:{TAG}")
        self._run_as(host, replace(self._sound().command(), image=f"{REPOSITORY}:{TAG}"))

    def rename_image(self, host: str) -> None:
        """Not a fault: the same bytes under another name."""
        name = f"{REPOSITORY}:v1.0.1"
        self.mend_host(lambda: self.hosts[host].sh(f"podman untag {name} {name}", check=False))
        self.hosts[host].sh(f"podman tag {self._sound().pinned} {name}")
        self._run_as(host, replace(self._sound().command(), image=name))

    def rename_model(self, host: str) -> None:
        """Not a fault: the same weights under another version."""
        write_model(self.hosts[host], model_files("trust_score", "v1.0.1"))
        self._run_as(host, replace(self._sound().command(), version="v1.0.1"))

    def break_threads(self, host: str, threads: int = 2) -> None:
        """One thread more: another order of additions, other bits."""
        self._set(host, "OMP_NUM_THREADS", str(threads))

    def break_kernel(self, host: str, kernel: str = "avx512") -> None:
        """A CPU of another class. A substitute: the scorer is told which kernel to use."""
        self._set(host, "SCORER_KERNEL", kernel)

    def break_scorer_memory(self, host: str) -> None:
        """The model grew beyond the memory of its container: it starts, and ends at the first
        request, again and again. A substitute: a limit of the process's data, so the program ends
        by itself; a kernel that kills it needs control groups in the container."""
        self._control(host, "hold-mb", 512)
        self._run_as(host, replace(self._sound().command(), more=(FEW_MEMORY,)))

    def break_scorer_crash_loop(self, host: str) -> None:
        """It refuses to start, and systemd starts it for ever: the unit never says `failed`."""
        text = "[Unit]\nStartLimitIntervalSec=0\n"
        self._drop_in_for(host, UNIT, text)
        self._run_as(host, replace(self._sound().command(), hash="0" * 64), comes_up=False)

    def break_gpu_gone(self, host: str) -> None:
        """The unit gives the container a device that is not there any more. A substitute: it never
        was."""
        command = replace(self._sound().command(), more=(f"--device {GPU}",))
        self._run_as(host, command, comes_up=False)

    def break_stale_container(self, host: str) -> None:
        """As after a power cut: container and conmon are gone at once, nothing was cleared away,
        and the name is taken. The unit ends as `failed`.

        Raises:
            LabError: it did not.
        """
        self._drop_in_for(host, UNIT, "[Service]\nExecStop=\nExecStopPost=\nRestart=no\n")
        machine = self.hosts[host]
        self.systemctl(host, "kill", "--kill-who=all", "--signal=KILL", UNIT)
        self._wait(host, "failed")
        self._remove_drop_in(host, UNIT)
        self.systemctl(host, "start", UNIT, check=False)
        self._wait(host, "failed")
        said = machine.sh(f"journalctl --quiet --no-pager --unit {UNIT} --lines 50")
        if "is already in use" not in said:
            raise LabError(f"{host}: the name is not taken: {said[-600:]}")
        self.mend_node(lambda: self._sound_again(host))

    def break_orphaned_scorer(self, host: str) -> None:
        """conmon died alone: the unit has ended, and the scorer still answers on its port, where no
        other one can start."""
        self.mend_node(lambda: self._sound_again(host))
        self._drop_in_for(host, UNIT, "[Service]\nKillMode=none\nExecStopPost=\nRestart=no\n")
        self.systemctl(host, "kill", "--kill-who=main", "--signal=KILL", UNIT)
        self._wait(host, "failed")
        self._remove_drop_in(host, UNIT)

    def break_scorer_by_hand(self, host: str) -> None:
        """Somebody started the container by hand: it answers, and no unit would bring it back."""
        self.systemctl(host, "stop", UNIT)
        self.mend_node(lambda: self._sound_again(host))
        self.hosts[host].sh(self._sound().command().by_hand())
        wait_ready(self.hosts[host])

    def break_two_scorers(self, host: str) -> None:
        """A second process has the port of the scorer."""
        second = share_port(self.hosts[host], PREDICT_PORT)

        def mend() -> None:
            self.hosts[host].sh("pkill -KILL -x sleep", check=False)
            second.wait()

        self.mend_host(mend)

    def break_stub(self, host: str) -> None:
        """The chain's program lost the hash of its model: it falls to its stub and says nothing."""
        unit = self.unit(host)
        self._drop_in_for(host, unit, "[Service]\nUnsetEnvironment=VEID_INFERENCE_MODEL_HASH\n")
        self.restart(host)

        def mend() -> None:
            self._remove_drop_in(host, unit)
            self.restart(host)

        self.mend_node(mend)

    def need_scorer(self, host: str) -> None:
        """Not a fault: a unit of its own that requires the scorer, and so is stopped with it."""
        machine = self.hosts[host]
        file = machine.path(f"/etc/systemd/system/{GATEWAY}")
        file.write_text(
            f"[Unit]\nRequires={UNIT}\nAfter={UNIT}\n[Service]\nExecStart=/bin/sleep infinity\n"
        )
        machine.sh(f"systemctl daemon-reload; systemctl start {GATEWAY}")

        def mend() -> None:
            machine.sh(f"systemctl stop {GATEWAY}", check=False)
            file.unlink()
            machine.sh("systemctl daemon-reload")

        self.mend_host(mend)

    def break_node_needs_scorer(self, host: str) -> None:
        """The node's unit requires the scorer: whoever restarts that stops a validator."""
        self._drop_in_for(host, self.unit(host), f"[Unit]\nRequires={UNIT}\n")
        self.mend_node(lambda: self._remove_drop_in(host, self.unit(host)))

    def start_scorer(self, host: str) -> None:
        """Start it, whatever it ended with."""
        self.systemctl(host, "reset-failed", UNIT, check=False)
        self.systemctl(host, "start", UNIT, check=False)
        wait_ready(self.hosts[host])

    def _sound(self) -> Scoring:
        if self.scoring is None:
            raise LabError("this lab has no scorers: Lab.up(…, scores=True)")
        return self.scoring

    def _control(self, host: str, name: str, value: int) -> None:
        """Give the running scorer a fault; mended by a new one without."""
        directory = self.hosts[host].path(CONTROL)
        fresh = directory / ".new"
        fresh.write_text(str(value))
        fresh.rename(directory / name)
        self.mend_node(lambda: self._sound_again(host))

    def _set(self, host: str, name: str, value: str) -> None:
        command = self._sound().command()
        settings = tuple((k, value if k == name else v) for k, v in command.settings)
        self._run_as(host, replace(command, settings=settings))

    def _run_as(self, host: str, command: Command, *, comes_up: bool = True) -> None:
        """Restart the scorer with another unit. Mended by the sound one."""
        self.mend_node(lambda: self._sound_again(host))
        write_unit(self.hosts[host], command)
        self.systemctl(host, "restart", UNIT, check=False)
        if comes_up:
            wait_ready(self.hosts[host])

    def _sound_again(self, host: str) -> None:
        scoring = self._sound()
        scoring.clear(self.hosts[host])
        scoring.install(self.hosts[host])

    def _wait(self, host: str, state: str) -> None:
        end = time.monotonic() + STALE_LIMIT_S
        while self.systemctl(host, "is-active", UNIT, check=False).strip() != state:
            if time.monotonic() > end:
                raise LabError(f"{UNIT} of {host} is not {state}; container {CONTAINER}")
            time.sleep(0.2)

    def _drop_in_for(self, host: str, unit: str, text: str) -> None:
        directory = self.hosts[host].path(f"/run/systemd/system/{unit}.d")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / DROP_IN).write_text(text)
        self.systemctl(host, "daemon-reload")

    def _remove_drop_in(self, host: str, unit: str) -> None:
        self.hosts[host].sh(f"rm -rf /run/systemd/system/{unit}.d; systemctl daemon-reload")


def _payment(sender: str) -> dict[str, object]:
    """To oneself: a transaction has to carry something."""
    return {
        "@type": "/cosmos.bank.v1beta1.MsgSend",
        "from_address": sender,
        "to_address": sender,
        "amount": [{"denom": "uve", "amount": "1"}],
    }
