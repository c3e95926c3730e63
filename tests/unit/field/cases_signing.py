"""Who signs, who does not, and who signs twice."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.values.reading import Why
from tests.unit.field.case import Cases, Scene, Wanted, offered, refused
from tests.unit.field.kinds import Kind
from tests.unit.field.stage import Stage, evidence_in, loop
from tests.worlds import (
    address_of,
    change,
    configured,
    halted,
    sign_state,
    stopped,
    unknown,
)
from tests.worlds.settling import settle
from tests.worlds.signing import not_signing

CASES = Cases()
SIGNER = "tcp://127.0.0.1:26658"
NOTHING = r"nothing to do"
OURSELVES = (
    "ERR found conflicting vote from ourselves; did you unsafe_reset a validator? height=115 "
    "module=consensus round=0 type=SIGNED_MSG_TYPE_PREVOTE"
)
CONFLICT = (
    'ERR failed to process message err="conflicting votes from validator '
    f'{address_of(4)}" height=115 module=consensus'
)
DEGRADED = ("degraded",)
TWICE = ("double-signing",)


@CASES.of(
    Kind.K1,
    "iqlusioninc/tmkms#215",
    "iqlusioninc/tmkms#37",
    "iqlusioninc/tmkms#352",
    "strangelove-ventures/horcrux#201",
)
def signer_hangs(stage: Stage) -> Scene:
    """The node follows, nobody signs for it; the signer's session hung."""
    world = configured(not_signing(stage.well, "val4"), "val4", remote_signer=SIGNER)
    return Scene(
        world,
        {"val4": ("ERR SignerListener: Ping timeout module=privval",)},
        Wanted(
            chain=DEGRADED,
            host="val4",
            condition=("not-signing",),
            says=("signer",),
            unsaid=(NOTHING, "restart the node"),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K1, "celestiaorg/celestia-app#6300")
def a_third_does_not_sign(stage: Stage) -> Scene:
    """Blocks go on by a hair: little more power, and they stop."""
    refusal = (
        'ERR failed signing vote err="signerEndpoint returned error #0: refusing to sign vote on '
        'nil BlockID" height=115 module=consensus round=0'
    )
    return Scene(
        settle(stage.well, mute=("val2",)),
        {"val2": (refusal,)},
        Wanted(
            chain=DEGRADED,
            host="val2",
            condition=("not-signing",),
            says=(rf"{stage.without('val2')} of {stage.total}", "blocks stop"),
            unsaid=(NOTHING,),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K2, "piplabs/story#323", "celestiaorg/celestia-app#6331", "celestiaorg/docs#2279")
def signs_twice_now(stage: Stage) -> Scene:
    """A second node was started with the same key; blocks go on."""
    return Scene(
        stage.well,
        {"val4": (OURSELVES, CONFLICT)},
        Wanted(
            chain=TWICE,
            host="val4",
            condition=TWICE,
            says=(r"[Ss]top", r"second|other"),
            unsaid=(NOTHING,),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K2, "piplabs/story#323")
def evidence_is_in_a_block(stage: Stage) -> Scene:
    """Only the others say so, and a block: the address is that of val4."""
    others = [name for name in stage.validators if name != "val4"]
    return Scene(
        evidence_in(stage.well, 115),
        dict.fromkeys(others, (CONFLICT,)),
        Wanted(
            chain=TWICE,
            host="val4",
            condition=TWICE,
            says=(r"[Ss]top", "115|evidence"),
            unsaid=(NOTHING,),
            plan=refused(),
        ),
    )


@CASES.of(Kind.K13)
def sign_state_above_the_tip(stage: Stage) -> Scene:
    """It refuses to sign what it signed already; whoever lowers it makes it sign twice."""
    return Scene(
        sign_state(stopped(stage.well, "val1"), "val1", 150),
        {},
        Wanted(
            chain=("quorum-lost",),
            host="val1",
            says=("lower",),
            unsaid=("it could sign twice", "Restore the newest sign state"),
            plan=refused("G20", playbook="INC-001"),
        ),
    )


@CASES.of(Kind.KEPT, "tendermint/tendermint#3089", "tendermint/tendermint#5804")
def a_third_was_restarted_under_load(stage: Stage) -> Scene:
    """It signed this round before: touch nothing. People there edited the state by hand."""
    votes = ("", *("nil",) * (len(stage.powers) - 1))
    regression = (
        'ERR failed signing vote err="error signing vote: round regression at height 114. Got 0, '
        'last round 3" height=114 module=consensus round=0'
    )
    return Scene(
        sign_state(halted(stage.well, votes=votes), "val1", 114),
        {"val1": (regression,)},
        Wanted(
            chain=("signing-blocked",),
            host="val1",
            says=("do not touch sign states",),
            plan=refused(playbook="INC-001"),
        ),
    )


@CASES.of(Kind.KEPT, "crypto-org-chain/chain-main#117", "iqlusioninc/tmkms#385")
def signer_is_missing_at_start(stage: Stage) -> Scene:
    """The signer first, then the node."""
    world, journals = loop(
        stage,
        "val4",
        "Error: error with private validator socket client: can't get pubkey: send: endpoint "
        "connection timed out",
    )
    return Scene(
        configured(world, "val4", remote_signer=SIGNER),
        journals,
        Wanted(chain=DEGRADED, host="val4", says=("remote signer first",), plan=refused()),
    )


@CASES.of(Kind.KEPT, "akash-network/cosmos-omnibus#373", "anoma/namada#3000")
def sign_state_of_a_validator_is_empty(stage: Stage) -> Scene:
    """Never a zero one."""
    world, journals = loop(
        stage,
        "val4",
        "Error reading PrivValidator state from /d/priv_validator_state.json: unexpected end of "
        "JSON input",
    )
    nothing = unknown("no sign state: '' is not JSON", Why.MALFORMED)
    return Scene(
        change(world, "val4", lambda r: replace(r, sign_state=nothing)),
        journals,
        Wanted(
            chain=DEGRADED,
            host="val4",
            condition=("sign-state-lost",),
            says=("Do not start it",),
            plan=refused(),
        ),
    )


@CASES.of(Kind.KEPT)
def lost_quorum(stage: Stage) -> Scene:
    """What all others are compared with: it is stopped, nothing else is wrong."""
    return Scene(
        stage.halted_without_val1(),
        {},
        Wanted(
            chain=("quorum-lost",),
            host="val1",
            condition=("stopped",),
            plan=offered("val1", playbook="INC-001"),
        ),
    )
