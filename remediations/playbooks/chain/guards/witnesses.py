"""The guard on whose word decides about the chain (docs/rules/guards.md#w2)."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.diagnose.file_voices import file_voices
from remediations.playbooks.chain.finding import FileWitness
from remediations.playbooks.chain.guards.power import Whole, nobody_signs
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some
from remediations.values.reading import value_or_none

_SECOND = "make a second node readable (SSH, sudo, RPC), then `remediate diagnose`"


def two_witnesses(chain: ChainSituation, proposal: Whole) -> GuardResult | None:
    """W2: a decision about the chain needs two independent witnesses
    (docs/rules/hazards.md#one-witness). Where no node answers, machines whose sign states took part
    in the last block are witnesses of how far the chain came; where one does, those whose sign
    states agree with it."""
    if nobody_signs(chain, proposal):
        return None
    seen, files = chain.finding.witnesses, chain.finding.files
    got, next_step = ", ".join(seen) or "nobody", _SECOND
    holds: bool | None = len(seen) >= 2
    if not seen and files is not None:
        seen = _by_sign_states(chain, files)
        holds = len(seen) >= 2
        got = f"no node answers; by their sign states: {', '.join(seen) or 'nobody'}"
    elif len(seen) == 1 and chain.finding.total_power:
        holds, got, next_step = _one_answers(chain, seen[0])
    return guard_result(
        "W2",
        "at least two hosts bear witness to the state of the chain",
        holds=holds,
        got=got,
        expected="two or more",
        next_step=next_step,
    )


def _one_answers(chain: ChainSituation, host: str) -> tuple[bool | None, str, str]:
    """Whether the sign states of others agree with the one witness, what they say, and what to do
    where they do not."""
    finding = chain.finding
    voices = file_voices(
        chain.observation,
        finding.nodes,
        chain.same_machine,
        height=finding.height,
        total_power=finding.total_power,
    )
    told = f"{host} tells {finding.height}"
    if voices.against:
        got = f"{told}; {name_some(voices.against, 3)}"
        return False, got, f"find out which is right before anything is started: {host}, or these"
    got = f"{told}; by their sign states: {', '.join(voices.agree) or 'nobody'}"
    if voices.unread and not voices.agree:
        unread = name_some(voices.unread, 3)
        return None, f"{got}; not read: {unread}", f"make these readable: {unread}; then {_SECOND}"
    return bool(voices.agree), got, _SECOND


def _by_sign_states(chain: ChainSituation, files: FileWitness) -> tuple[str, ...]:
    """The machines whose sign states are at the newest height, or at the one before."""
    states = {r.host: value_or_none(r.sign_state) for r in chain.observation.hosts}
    machines = {
        chain.same_machine.get(host, host)
        for host, state in states.items()
        if state is not None and files.took_part(state.height)
    }
    return tuple(sorted(machines))
