"""`doctor`: which subcommands the program of a node has."""

from __future__ import annotations

import subprocess
from pathlib import Path

from msgspec.structs import replace

from remediations.playbooks.chain.doctor.world import world_lines
from remediations.systems.comet.subcommands import (
    SUBCOMMANDS,
    Subcommands,
    parse_subcommands,
    subcommands_program,
)
from remediations.values.reading import Known
from tests import worlds
from tests.unit.cli.examined import bad, inventory_of, sight_of
from tests.worlds import healthy, known


def test_usage_tells_which_subcommands_there_are() -> None:
    """An unknown one prints its parent's help, hence another usage line, and ends with 0."""
    said = (
        "start\t  virtengined start [flags]\nrollback\t  virtengined [command]\n"
        "comet show-validator\t  virtengined tendermint show-validator [flags]\nversion\t\n"
    )
    answers = parse_subcommands(said)
    assert answers is not None
    assert answers.accepted == ("start", "comet show-validator")
    assert answers.unknown == ("rollback",)
    assert set(answers.unanswered) == {"version", "module-hash-by-height", "export"}
    assert parse_subcommands("start\t\nrollback\t\n") is None
    assert parse_subcommands("") is None


def test_a_time_out_is_not_absence() -> None:
    """What a busy host gave no answer for is said so, and is not called missing."""
    world = healthy()
    asked = {"val1": Subcommands(("start", "version"), ("export",))}
    line = bad(world_lines(inventory_of(world), sight_of(world), asked))["val1", "subcommands"]
    assert "no answer in time: export" in line.found
    assert "not: rollback" in line.found
    assert "again" in line.mend


def test_the_program_is_asked_without_a_home_to_write_to(tmp_path: Path) -> None:
    """It sees only `--help`, the named home, and a HOME that is not there; others are not tried."""
    (tmp_path / "systemd-run").write_text(
        '#!/bin/sh\nwhile [ "$1" != -- ]; do\n'
        'case $1 in --setenv=*) export "${1#--setenv=}";; esac; shift; done\nshift\nexec "$@"\n'
    )
    program = tmp_path / "virtengined"
    program.write_text(
        f'#!/bin/sh\necho "$* HOME=$HOME" >>{tmp_path}/calls\necho noise\n'
        'case $1 in start) echo "Usage:"; echo "  virtengined start [flags]";;\n'
        '*) printf "Usage:\\n  virtengined [command]\\n";; esac\n'
    )
    for file in (program, tmp_path / "systemd-run"):
        file.chmod(0o755)
    reading = healthy().host("val1")
    assert isinstance(reading.unit, Known)
    reading = replace(reading, unit=known(replace(reading.unit.value, binary=str(program))))
    text = subcommands_program(reading).decode()
    assert "EUID == 0" in text
    text = text.replace("EUID == 0", "BASHPID != 0").replace("PATH=/usr", f"PATH={tmp_path}:/usr")
    text = text.replace("BOOTED=/run/systemd/system", f"BOOTED={tmp_path}")
    done = subprocess.run(["bash", "-s"], input=text, text=True, capture_output=True, timeout=20)
    answers = parse_subcommands(done.stdout)
    assert answers is not None
    assert answers.accepted == ("start",)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [f"{w} --help --home {worlds.HOME} HOME=/nonexistent" for w in SUBCOMMANDS]
