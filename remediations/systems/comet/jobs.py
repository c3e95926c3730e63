"""What starts by the clock on a node's host and names the daemon, as `jobs.sh` tells of it. Pure.

Of a line only known words leave the host. `/…` is a path elsewhere, `-…` an option, `…` anything
else, and `?` a word that was not believed, or the rest of a line that was too long.

What a line does is read from its last words, as the commands do that it calls. Where that does not
tell, it is not guessed: then what the line names decides how much is feared (`JobEffect`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from remediations.systems.comet.discovered import DAEMON
from remediations.values.lines import TextError, parse_number, split_lines
from remediations.values.record import Record

MANY_JOBS = 60
"""Lines. Of a host with more it is not known what its jobs do."""
_KINDS = ("timer", "cron", "at")
_PATH = re.compile(r"[A-Za-z0-9_./@=+:\\-]{1,300}")
_WORDS = re.compile(r"[A-Za-z0-9_./@:+,*?~=;|&<>()… -]{1,4000}")
_USUAL_STATE = "priv_validator_state.json"
_OPTION, _DOUBT = "-…", "?"
_ENDS = frozenset(";|&()")
_COPIES = frozenset({"cp", "rsync", "install", "scp", "ln"})
_CHANGES = frozenset({"mv", "rm", "truncate", "shred", "tee", "unzip", "-i", "--in-place"})
_READS = frozenset(
    {"du", "df", "ls", "cat", "head", "tail", "wc", "stat", "sha256sum", "md5sum", "grep", "jq"}
)
_THROUGH_SYSTEMD = frozenset({"systemctl", "service"})
_ENDS_PROCESSES = frozenset({"kill", "pkill", "killall"})
_OPENS = frozenset(
    {"start", "run", "rollback", "unsafe-reset-all", "reset-state", "snapshots", "export", "prune"}
)
"""What the daemon's program, or cosmovisor, is told that opens or changes the home."""
_TAR_FLAGS = re.compile(r"-?[cxtrzjJvfpPkmhaSOA]{1,8}")


class JobEffect(StrEnum):
    """What a line of a job does to the daemon, as far as the line tells."""

    WRITES = "writes"
    """It changes the sign state, the key, the databases or the whole home."""
    RUNS = "runs"
    """It runs the daemon's program on the home, beside the unit."""
    HIDDEN = "hidden"
    """It names the sign state, and how it uses it cannot be told."""
    CONTROLS = "controls"
    """It may start, stop or restart the unit, and goes through systemd."""
    NAMES = "names"
    """It reads, or names the home and does not say for what."""


class Job(Record, frozen=True, kw_only=True):
    """One line. `job` is the timer or the crontab that starts it; it stands in line `number` of
    `file`, which of a timer is the unit that it starts, or in a script that one of these calls."""

    kind: str
    job: str
    file: str
    number: int
    words: str

    @property
    def where(self) -> str:
        """For people."""
        if self.kind == "timer":
            return self.job if self.file.endswith(".service") else f"{self.file} of {self.job}"
        line = f"{self.file} line {self.number}"
        return line if self.file == self.job else f"{line}, called by {self.job}"


def parse_jobs(text: str) -> tuple[Job, ...]:
    """The section `jobs`.

    Raises:
        TextError: a line is malformed, or there are too many.
    """
    lines = split_lines(text)
    if len(lines) > MANY_JOBS:
        raise TextError(f"more than {MANY_JOBS} lines of jobs name the daemon")
    return tuple(map(_job, lines))


def _job(line: str) -> Job:
    parts = line.split(" ", 4)
    if len(parts) != 5 or parts[0] not in _KINDS:
        raise TextError("a job is told of in another form")
    kind, job, file, number, words = parts
    if not (_PATH.fullmatch(job) and _PATH.fullmatch(file) and _WORDS.fullmatch(words)):
        raise TextError("a job has other characters than plain ones")
    return Job(kind=kind, job=job, file=file, number=parse_number(number), words=words)


def job_effect(job: Job, *, unit: str, home: str, sign_state: str) -> JobEffect:
    """The worst that the line does to the daemon with this unit, home and sign state file."""
    name = sign_state.rsplit("/", 1)[-1] if sign_state.startswith("/") else _USUAL_STATE
    own = _Daemon(unit, home, name)
    found = [own.effect(command) for command in _commands(job.words)]
    return min((effect for effect in found if effect), key=_WORST.index, default=JobEffect.NAMES)


_WORST = tuple(JobEffect)


def _commands(words: str) -> Iterator[Sequence[str]]:
    for ends, part in groupby(words.split(" "), key=lambda word: word in _ENDS):
        if not ends:
            yield tuple(part)


def _without_redirections(command: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The words of a command, and what its output goes into."""
    plain: list[str] = []
    into: list[str] = []
    before = ""
    for word in command:
        if word not in {"<", ">"} and before not in {"<", ">"}:
            plain.append(word)
        elif before == ">" and word != ">":
            into.append(word)
        before = word
    return plain, into


@dataclass(frozen=True)
class _Daemon:
    """What is the daemon's own; `state_name` is the name of its sign state file."""

    unit: str
    home: str
    state_name: str

    def effect(self, command: Sequence[str]) -> JobEffect | None:
        """What one command does; None if it names nothing of the daemon."""
        plain, into = _without_redirections(command)
        verbs = frozenset(plain)
        if any(map(self._decides, into)):
            return JobEffect.WRITES
        touched = [word for word in plain if self._decides(word)]
        program = any(map(self._is_program, plain))
        if verbs & _THROUGH_SYSTEMD or (program and verbs & _ENDS_PROCESSES):
            return JobEffect.CONTROLS if program or self._names_unit(verbs) else None
        if verbs & _OPENS and (program or (touched and "cosmovisor" in verbs)):
            return JobEffect.RUNS
        if touched:
            return self._on_files(plain, verbs, touched)
        return JobEffect.CONTROLS if self._names_unit(verbs) else None

    def _names_unit(self, verbs: frozenset[str]) -> bool:
        return not verbs.isdisjoint({self.unit, self.unit.removesuffix(".service")})

    def _decides(self, word: str) -> bool:
        """Whether what is written there may take the place of something that the daemon signs or
        executes by: sign state, key, databases, or a directory with one of them."""
        name = word.rsplit("/", 1)[-1]
        if name.startswith(self.state_name):
            return name == self.state_name
        path = word.rstrip("/*")
        key = f"{self.home}/config/priv_validator_key"
        return path in {self.home, f"{self.home}/config"} or path.startswith(
            (f"{self.home}/data", key)
        )

    def _is_program(self, word: str) -> bool:
        return not self._decides(word) and word.rsplit("/", 1)[-1] in {DAEMON, f"{DAEMON}d"}

    def _on_files(
        self, plain: Sequence[str], verbs: frozenset[str], touched: Sequence[str]
    ) -> JobEffect:
        """What a command does to the files of the daemon that it names."""
        if verbs & _CHANGES or "tar" in verbs:
            return _packs(plain) if "tar" in verbs else JobEffect.WRITES
        if "dd" in verbs:
            written = [plain[n + 2 : n + 3] for n, word in enumerate(plain) if word == "of"]
            return JobEffect.WRITES if list(touched[-1:]) in written else JobEffect.NAMES
        last = [word for word in plain if word not in {_OPTION, "="}][-1]
        if verbs & _COPIES and not verbs & {"-t", "--target-directory", _DOUBT}:
            if self._decides(last):
                return JobEffect.WRITES
            if last.startswith("/"):
                return JobEffect.NAMES
        elif verbs & _READS:
            return JobEffect.NAMES
        named = any(self.state_name in word for word in touched)
        return JobEffect.HIDDEN if named else JobEffect.NAMES


def _packs(plain: Sequence[str]) -> JobEffect:
    """Of `tar`: whether it unpacks."""
    flags = [w for w in plain[plain.index("tar") + 1 :] if _TAR_FLAGS.fullmatch(w)]
    unpacks = "--extract" in plain or any("x" in flag for flag in flags)
    return JobEffect.WRITES if unpacks else JobEffect.NAMES
