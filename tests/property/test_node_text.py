"""Nothing that a host or a file says can become shell: patterns refuse it, quoting keeps it."""

from __future__ import annotations

import subprocess
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediations.systems.comet.install import PlannedInstall, PlannedProgram, install_text
from remediations.systems.comet.install_below import (
    PlannedBelow,
    PlannedPlace,
    install_below_text,
)
from remediations.systems.comet.planned import INVOCATION, USER, PlannedNode, PlannedNodeError
from remediations.systems.comet.programs import (
    enable_text,
    restart_text,
    start_text,
)
from remediations.systems.comet.rehearsal_program import program_rehearsal_text, rehearsal_text
from remediations.systems.comet.rollback_programs import (
    hold_text,
    release_text,
    rollback_text,
    unhold_text,
)
from remediations.systems.comet.second_signer import hold_duplicate_text
from remediations.values.names import HOME, UNIT

NODES = st.builds(
    PlannedNode,
    unit=st.from_regex(UNIT, fullmatch=True),
    home=st.from_regex(HOME, fullmatch=True),
    user=st.from_regex(USER, fullmatch=True),
    address=st.sampled_from(["", "0A" * 20]),
    sign_height=st.integers(0, 10**18 - 1),
    sign_round=st.integers(0, 2**31 - 1),
    sign_step=st.integers(0, 3),
    stop_timeout_s=st.integers(0, 3600),
    invocation=st.from_regex(INVOCATION, fullmatch=True),
)

PROGRAM = PlannedProgram(path="/usr/bin/ve", sha256="a" * 64, replaces="b" * 64)


def below(node: PlannedNode) -> PlannedBelow:
    """The same node below cosmovisor, where an upgrade waits."""
    root = f"{node.home}/cosmovisor"
    place = PlannedPlace(
        name="ve",
        current=f"{root}/genesis/bin/ve",
        current_sha256="b" * 64,
        place=f"{root}/upgrades/v2/bin/ve",
        sha256="a" * 64,
        replaces="",
        upgrade="v2",
        upgrade_info="c" * 64,
        backup=1,
    )
    return PlannedBelow(node=node, place=place)


@given(NODES)
@settings(max_examples=40)
def test_every_text_is_a_shell_program_with_the_values_as_given(node: PlannedNode) -> None:
    """sh parses each text, and its variables hold exactly the node's values."""
    rolled = replace(node, stands_at=2, header_hash="AB")
    for text in (
        start_text(node),
        restart_text(node),
        enable_text(node),
        install_text(PlannedInstall(node=node, program=PROGRAM)),
        install_below_text(below(node)),
        hold_text(node),
        hold_duplicate_text(node),
        rollback_text(rolled),
        release_text(rolled),
        unhold_text(node),
        rehearsal_text(rolled, "http://127.0.0.1:26657"),
        program_rehearsal_text(rolled, "http://127.0.0.1:26657", "a" * 64),
    ):
        head = text.split("acted=no")[0]
        shown = subprocess.run(
            ["/bin/sh", "-c", head + "printf '%s|%s|%s' \"$unit\" \"$home\" \"$user\""],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert shown.stdout == f"{node.unit}|{node.home}|{node.user}"
        subprocess.run(["/bin/sh", "-n", "-c", text], check=True, capture_output=True)


@given(
    st.sampled_from(["unit", "home", "user", "address", "invocation"]),
    st.text(max_size=20),
    st.sampled_from(["\n", ";", "$", "`", "'", '"', " ", "&", "|", "*", "?", "(", "\0", "é", "~"]),
    st.text(max_size=20),
)
def test_shell_characters_are_refused_in_every_field(
    field: str, before: str, evil: str, after: str
) -> None:
    """Whatever stands around it, a value with a character that means something is not a value."""
    data: dict[str, object] = {
        **asdict(EXAMPLE),
        field: f"{before}{evil}{after}",
    }
    assert refused(data)


@given(
    st.sampled_from(["path", "sha256", "replaces"]),
    st.text(max_size=70),
    st.sampled_from(["\n", ";", "$", "`", "'", '"', " ", "&", "|", "*", "?", "(", "\0", "é", "~"]),
)
def test_shell_characters_are_refused_in_every_field_of_a_program(
    field: str, before: str, evil: str
) -> None:
    """They never reach the text that installs it."""
    with pytest.raises(PlannedNodeError):
        PlannedProgram(**{**asdict(PROGRAM), field: f"{before}{evil}"})


@given(st.sampled_from(["sign_height", "sign_round", "sign_step", "stop_timeout_s"]), st.data())
def test_numbers_are_whole_and_in_range(field: str, data: st.DataObject) -> None:
    """Text, floats, booleans and negative or oversized numbers are refused."""
    bad = data.draw(
        st.one_of(st.text(), st.floats(), st.booleans(), st.integers(max_value=-1),
                  st.integers(min_value=10**18))
    )  # fmt: skip
    assert refused({**asdict(EXAMPLE), field: bad})


def test_paths_that_climb_are_refused() -> None:
    """A home is absolute, and names no parent."""
    for home in ("/var/../etc", "/..", "/.", "/a/./b", "relative", "/a//b", "/", "/a/", ""):
        assert refused({**asdict(EXAMPLE), "home": home})


EXAMPLE = PlannedNode(
    unit="ve.service", home="/var/lib/ve", user="ve", address="", sign_height=0, sign_round=0,
    sign_step=0,
)  # fmt: skip


def refused(data: dict[str, object]) -> bool:
    try:
        PlannedNode.from_data(data)
    except PlannedNodeError:
        return True
    return False
