"""All cases, each with the stages on which it is played."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.field import (
    cases_journal,
    cases_network,
    cases_signing,
    cases_start,
    neighbours_chain,
    neighbours_ends,
    neighbours_signing,
)
from tests.unit.field.case import Case
from tests.unit.field.stage import LARGE, SMALL

WITH_A_HUNDRED = frozenset(
    {
        "nobody_connects_as_its_signer",
        "only_the_others_log_it",
        "the_newest_reason_wins",
        "a_peer_sent_a_wrong_block",
        "it_rises_and_will_arrive",
        "its_peers_do_not_answer",
        "clock_of_one_validator_is_off",
        "everybody_refuses_in_json",
        "a_minority_signed_above_the_tip",
        "a_bad_flag_was_pushed_everywhere",
    }
)
"""Neighbours of different kinds that are played with a hundred validators, too: each costs the
reading and the planning of all of them. The incidents themselves all are."""

_NEIGHBOURS: tuple[Case, ...] = (
    *neighbours_signing.CASES.found,
    *neighbours_chain.CASES.found,
    *neighbours_ends.CASES,
)

CASES: tuple[Case, ...] = (
    *cases_signing.CASES.found,
    *cases_journal.CASES.found,
    *cases_start.CASES.found,
    *cases_network.CASES.found,
    *(
        replace(case, stages=(SMALL, LARGE)) if case.name in WITH_A_HUNDRED else case
        for case in _NEIGHBOURS
    ),
)
