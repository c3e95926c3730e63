"""Whatever happened before everybody went down: what files tell of the last block is true of it."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from remediations.playbooks.chain.diagnose.by_files import last_signed
from remediations.playbooks.chain.diagnose.power import Power
from remediations.systems.comet.quorum import has_quorum

MEMBERS = st.lists(
    st.tuples(
        st.integers(1, 50),  # power
        st.booleans(),  # took part in the last block
        st.integers(0, 1),  # signed the next height already
        st.integers(0, 60),  # where it stands if it took no part
        st.booleans(),  # its sign state can be read
    ),
    min_size=1,
    max_size=12,
)


@given(MEMBERS, st.integers(2, 50))
def test_the_last_block_is_where_the_sign_states_say(
    members: list[tuple[int, bool, int, int, bool]], tip: int
) -> None:
    """More than two thirds signed the last block, nobody is beyond the next height; the others may
    stand anywhere below, and sign states may be missing."""
    powers = {f"{number:040X}": one[0] for number, one in enumerate(members)}
    power = Power(addresses=tuple(powers), powers=powers, source="", holders={})
    assume(has_quorum(sum(one[0] for one in members if one[1]), power.total))
    states = {}
    for address, (_, took_part, ahead, elsewhere, read) in zip(powers, members, strict=True):
        height = tip + ahead if took_part else min(elsewhere, tip + 1)
        if read and height:
            states[address] = height
    last = last_signed(states, power)
    if last.newest:
        assert last.newest - 1 <= tip <= last.newest
        assert tip <= last.bound
        for address, (_, took_part, *_) in zip(powers, members, strict=True):
            if took_part and address in states:
                assert last.newest - 1 <= states[address] <= last.newest
    else:
        unread = power.total - power.sum(states)
        assert has_quorum(unread, power.total)
