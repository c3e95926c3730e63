"""`remediate stage FILE`: brings a program, or a directory as one file, to the hosts, for a plan
that names it by its hash."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import click

from remediations.cli.observing import require_inventory
from remediations.cli.options import inventory_option, json_option, parse_limit
from remediations.cli.output import CommandResult, next_command
from remediations.cli.reading_line import reading_line
from remediations.engine.installed_systems import installed_systems
from remediations.engine.stage.keeper import FileSource
from remediations.engine.stage.local_file import LocalFile, open_file
from remediations.engine.stage.local_tree import LocalTree, open_tree
from remediations.engine.stage.stage import (
    KeptFile,
    StagedOn,
    StageOutcome,
    stage_file,
    stage_kept,
)
from remediations.errors import ExitCode, UsageError
from remediations.machine.config import load_machine_config
from remediations.reach.resolver import resolver_for
from remediations.render.formats import count_of
from remediations.render.printable import one_line
from remediations.values.inventory import Inventory

_SHA256 = re.compile("[0-9a-f]{64}")


@click.command(
    "stage",
    help="Bring FILE, a program for Linux, to the hosts, where a plan can name it by its SHA-256. "
    "If FILE is a directory: the contents of its files in the order of their paths, as one file. "
    "With --donor, FILE is the SHA-256 of a file that a host keeps (a copy of databases), which is "
    "brought to the others. Nothing that runs is changed.",
)
@click.argument("file")
@click.option("--donor", metavar="HOST", help="The host that keeps the file.")
@click.option(
    "--without", metavar="NAME", multiple=True, help="Leave files of that name out of a directory."
)
@click.option("--limit", metavar="HOST[,HOST]", help="Bring it to these hosts only.")
@inventory_option
@json_option
def command(
    file: str,
    donor: str | None,
    without: tuple[str, ...],
    limit: str | None,
    inventory: Path | None,
) -> CommandResult:
    """Exit 0: every host has it. 7: some do not. 4: none has it. 11: none answered."""
    only, hosts = parse_limit(limit), require_inventory(inventory)
    is_tree = donor is None and os.path.isdir(file)  # noqa: PTH112 - never raises
    if without and not is_tree:
        raise _no_directory(file, without)
    if donor is None:
        opened: AbstractContextManager[LocalFile | LocalTree] = (
            open_tree(Path(file), frozenset(without)) if is_tree else open_file(Path(file))
        )
        with opened as local:
            results = _bring(local, hosts, only)
        sha256, size = local.sha256, local.size
    else:
        sha256 = _checked(file, donor)
        size, results = _carry(KeptFile(host=donor, sha256=sha256), hosts, only)
    return CommandResult(
        exit_code=_exit_code(results),
        document={
            "file": file,
            "digest": sha256,
            "bytes": size,
            "hosts": [
                {"host": one.target, "outcome": one.outcome, "why": one.why} for one in results
            ],
        },
        text=_text(file, sha256, size, results, _Words.of(donor, without, is_tree=is_tree)),
    )


class _Words(NamedTuple):
    """What differs in the text: where the file comes from, how the command is typed again, and
    the option by which a plan takes it."""

    donor: str | None
    typed: tuple[str, ...]
    option: str

    @classmethod
    def of(cls, donor: str | None, without: tuple[str, ...], *, is_tree: bool) -> _Words:
        typed = ("--donor", donor) if donor is not None else ()
        names = tuple(word for name in without for word in ("--without", name))
        option = "" if is_tree else "--program" if donor is None else "--data"
        return cls(donor, (*typed, *names), option)


def _no_directory(file: str, without: tuple[str, ...]) -> UsageError:
    return UsageError(
        "--without leaves files out of a directory",
        guard="--without",
        got=f"--without {without[0]}, and {file}, which is no directory of this machine",
        expected="a directory as FILE, and no --donor",
        next_step=f"remediate stage {quote(file)}",
    )


def _checked(file: str, donor: str) -> str:
    sha256 = file.strip().lower()
    if not _SHA256.fullmatch(sha256):
        raise UsageError(
            "a file that a host keeps is named by its hash",
            guard="FILE",
            got=file,
            expected="the SHA-256 of a file, 64 hex digits",
            next_step=f"remediate stage SHA256 --donor {quote(donor)}; the run that made the copy "
            "shows its hash",
        )
    return sha256


def _bring(local: FileSource, hosts: Inventory, only: frozenset[str]) -> tuple[StagedOn, ...]:
    config, found = load_machine_config(), list[StagedOn]()
    resolver = resolver_for(config, hosts)
    systems = installed_systems(config)
    with reading_line(_progress(found), "sending"):
        return asyncio.run(stage_file(local, hosts, only, resolver, systems, found.append))


def _carry(
    kept: KeptFile, hosts: Inventory, only: frozenset[str]
) -> tuple[int, tuple[StagedOn, ...]]:
    config, found = load_machine_config(), list[StagedOn]()
    resolver = resolver_for(config, hosts)
    systems = installed_systems(config)
    with reading_line(_progress(found), "sending"):
        return asyncio.run(stage_kept(kept, hosts, only, resolver, systems, found.append))


def _progress(found: Sequence[StagedOn]) -> Callable[[], str]:
    return lambda: f"{count_of(sum(one.outcome.there for one in found), 'host')} done"


def _exit_code(results: Sequence[StagedOn]) -> ExitCode:
    if all(one.outcome.there for one in results):
        return ExitCode.OK
    if any(one.outcome.there for one in results):
        return ExitCode.PARTLY_APPLIED
    silent = all(one.outcome is StageOutcome.SILENT for one in results)
    return ExitCode.UNREADABLE if silent else ExitCode.REFUSED


def _text(file: str, sha256: str, size: int, results: Sequence[StagedOn], words: _Words) -> str:
    width = max((len(one.target) for one in results), default=0)
    lines = [f"{words.donor or file}: {size} bytes, SHA-256 {sha256}"]
    lines += [
        f"{one.target:<{width}}  {one.outcome}{': ' if one.why else ''}{one.why}" for one in results
    ]
    count = Counter(one.outcome.there for one in results)
    lines.append(
        f"{count[True]} of {count_of(len(results), 'host')}; nothing that runs was changed"
    )
    if count[False]:
        again = next_command("stage", file, *words.typed)
        lines.append(f"next: mend what is named above, then `{again}` again: it goes on")
    else:
        named = f" {words.option} {sha256}" if words.option else ""
        lines.append(f"next: remediate plan PLAYBOOK{named}")
    return "\n".join(map(one_line, lines))
