"""Neighbours of the incidents that no thread told us of: who signs, who does not, who twice."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.field.case import Cases, Scene, Wanted, nothing_done, offered, refused
from tests.unit.field.hosts_program import Line
from tests.unit.field.kinds import Kind
from tests.unit.field.stage import DAY, SMALL, TIP, Stage, unit
from tests.worlds import (
    address_of,
    configured,
    sign_state,
    stopped,
)
from tests.worlds.settling import settle
from tests.worlds.signing import not_signing

CASES = Cases((SMALL,))
NOTHING = "nothing to do"
NOT_SIGNING = Wanted(
    chain=("degraded",),
    host="val4",
    condition=("not-signing",),
    says=("sign",),
    unsaid=(NOTHING,),
    plan=refused(),
)
TWICE = Wanted(
    chain=("double-signing",),
    host="val4",
    condition=("double-signing",),
    says=("[Ss]top",),
    unsaid=(NOTHING,),
    plan=refused(),
)
LOST = Wanted(
    chain=("quorum-lost",),
    host="val1",
    condition=("stopped",),
    plan=offered("val1", playbook="INC-001"),
)


def mute(stage: Stage, *lines: Line, **config: str) -> Scene:
    """val4 follows and does not sign; its sign state is far below the tip."""
    world = not_signing(stage.well, "val4")
    return Scene(configured(world, "val4", **config), {"val4": lines}, NOT_SIGNING)


@CASES.of(Kind.K1)
def nobody_connects_as_its_signer(stage: Stage) -> Scene:
    """The node listens for a signer that does not come."""
    return mute(
        stage,
        'ERR failed signing vote err="endpoint connection timed out" height=115 module=consensus '
        "round=0",
        remote_signer="tcp://0.0.0.0:26659",
    )


@CASES.of(Kind.K1)
def cosigners_have_no_quorum(stage: Stage) -> Scene:
    """Threshold signers, of which too few answer."""
    return mute(
        stage,
        'ERR failed signing vote err="signerEndpoint returned error #1: total cosigners needed 2, '
        'have 1" height=115 module=consensus round=0',
        remote_signer="tcp://10.0.0.9:1234",
    )


@CASES.of(Kind.K1)
def it_has_not_signed_for_an_hour(stage: Stage) -> Scene:
    """Its own sign state stands far below the tip; no line says why."""
    return mute(stage)


@CASES.of(Kind.K1)
def vote_extension_is_refused(stage: Stage) -> Scene:
    """The signer is older than the chain's parameters."""
    return mute(
        stage,
        'ERR failed signing vote err="signerEndpoint returned error #2: signing failed: extension '
        'signature missing" height=115 module=consensus round=0',
        remote_signer="tcp://127.0.0.1:26658",
    )


@CASES.of(Kind.K1)
def it_has_the_sign_state_of_another_chain(stage: Stage) -> Scene:
    """It refuses each height until the chain reaches that one: nobody lowers it."""
    world = sign_state(settle(stage.well, mute=("val4",)), "val4", 15_423_021)
    line = (
        'ERR failed signing vote err="error signing vote: height regression. Got 115, last height '
        '15423021" height=115 module=consensus round=0'
    )
    wanted = Wanted(
        chain=("degraded",),
        host="val4",
        condition=("not-signing",),
        says=("15423021",),
        unsaid=(NOTHING,),
        plan=refused(),
    )
    return Scene(world, {"val4": (line,)}, wanted)


@CASES.of(Kind.K2)
def only_the_others_log_it(stage: Stage) -> Scene:
    """No block carries it yet."""
    line = (
        f'ERR failed to process message err="conflicting votes from validator {address_of(4)}" '
        "height=115 module=consensus"
    )
    return Scene(stage.well, {"val1": (line,), "val3": (line,)}, TWICE)


@CASES.of(Kind.K2)
def the_old_words_for_it(stage: Stage) -> Scene:
    """With a capital letter and a full stop."""
    line = "E[2026-11-25|11:59:58.000] Found conflicting vote from ourselves. Did you unsafe_reset "
    return Scene(stage.well, {"val4": (f"{line}a validator? module=consensus height=115",)}, TWICE)


@CASES.of(Kind.K2)
def it_signs_twice_in_json(stage: Stage) -> Scene:
    """The same in JSON."""
    line = (
        '{"level":"error","module":"consensus","height":115,"round":0,"type":1,"message":"found '
        'conflicting vote from ourselves; did you unsafe_reset a validator?"}'
    )
    return Scene(stage.well, {"val4": (line,)}, TWICE)


@CASES.of(Kind.K2)
def it_signed_twice_last_month(stage: Stage) -> Scene:
    """History: it is said when, and nothing is done."""
    line = (
        30 * DAY,
        "ERR found conflicting vote from ourselves; did you unsafe_reset a validator? height=7 "
        "module=consensus round=0",
    )
    return Scene(
        unit(stage.well, "val4", up=timedelta(days=60)),
        {"val4": (line,)},
        Wanted(
            chain=("healthy",),
            host="val4",
            condition=("healthy",),
            exit_code=0,
            plan=nothing_done(),
        ),
    )


@CASES.of(Kind.K13)
def a_minority_signed_above_the_tip(stage: Stage) -> Scene:
    """While blocks go on: it waits until the chain is there."""
    return Scene(
        sign_state(stopped(stage.well, "val4"), "val4", 5000),
        {},
        Wanted(
            chain=("degraded",),
            host="val4",
            says=("lower",),
            unsaid=("it could sign twice", "Restore the newest sign state"),
            plan=refused("G20"),
        ),
    )


@CASES.of(Kind.K13)
def it_signed_the_round_that_stands(stage: Stage) -> Scene:
    """One above the tip is where a chain stops: it is started."""
    return Scene(sign_state(stopped(stage.well, "val1"), "val1", TIP + 1, signed=True), {}, LOST)
