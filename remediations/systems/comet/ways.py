"""What a host tells of the ways to its peers where the node lacks some, or stands (`ways.sh`).

A line for each persistent peer, for each route that leads nowhere, for each interface that is down,
and the firewall's rules as `nft -s -a list ruleset` prints them: of those that neither drop, reject
nor accept only the handle. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from remediations.systems.comet.values import DialAnswer
from remediations.systems.hosts.obstacles import (
    HOOKS,
    Obstacle,
    read_link,
    read_route,
    read_rule,
)
from remediations.values.lines import TextError, split_lines
from remediations.values.record import Record

_WAY = re.compile(r"([0-9a-f]{40}) ([0-9a-fA-F:.]{2,45}|-) (ok|shut) (open|refused|silent)")
_TABLE = re.compile(r"table (\S+) (\S+) \{.*")
_CHAIN = re.compile(r"\tchain (\S+) \{.*")
_HOOK = re.compile(r"\t\ttype \S+ hook (\S+) .*?(?:policy (\S+);)?")
_RULE = re.compile(r"\t\t(.*) # handle ([0-9]{1,15})")
_VERDICT = re.compile(r"(?:^| )(?:drop|reject)(?: |$)")
_ACCEPTS = re.compile(r"(?:^| )accept(?: |$)")


class Way(Record, frozen=True, kw_only=True):
    """A persistent peer, where its name leads ("" if nowhere), whether the host's own routes refuse
    it (`shut`), and how its p2p port answers."""

    node_id: str
    address: str
    shut: bool
    answer: DialAnswer


class Ways(Record, frozen=True, kw_only=True):
    """The ways from one host. `unread` says why its firewall was not read, "" where it was;
    `policies` are the chains that drop what no rule accepts."""

    ways: tuple[Way, ...]
    obstacles: tuple[Obstacle, ...]
    unread: str
    policies: tuple[str, ...]


def parse_ways(output: bytes) -> Ways:
    """The section `ways`.

    Raises:
        TextError: a line is malformed.
    """
    parts: dict[str, list[str]] = {name: [] for name in ("way", "route", "link", "rule", "unread")}
    for line in split_lines(output.decode("utf-8", "replace")):
        kind, _, rest = line.partition(" ")
        if kind not in parts:
            raise TextError("a line about the ways to peers is malformed")
        parts[kind].append(rest)
    rules, policies = _firewall(parts["rule"])
    found = (*map(read_route, parts["route"]), *map(read_link, parts["link"]), *rules)
    return Ways(
        ways=tuple(sorted(map(_way, parts["way"]), key=lambda way: way.node_id)),
        obstacles=tuple(found),
        unread=parts["unread"][0][:200] if parts["unread"] else "",
        policies=policies,
    )


def _way(line: str) -> Way:
    match = _WAY.fullmatch(line)
    if match is None:
        raise TextError("a line about the way to a peer is malformed")
    node_id, address, routed, answer = match.groups()
    return Way(
        node_id=node_id,
        address="" if address == "-" else address,
        shut=routed == "shut",
        answer=DialAnswer(answer),
    )


class _Line(NamedTuple):
    """A rule, and the chain that it is in."""

    place: tuple[str, str, str]
    hook: str
    text: str
    handle: int


def _firewall(lines: Sequence[str]) -> tuple[tuple[Obstacle, ...], tuple[str, ...]]:
    """The rules that drop or reject and name an address or a port, and the chains whose policy is
    to drop."""
    policies: list[str] = []
    rules = list(_rules(lines, policies))
    found = []
    for at, rule in enumerate(rules):
        if not _VERDICT.search(rule.text):
            continue
        after = rules[at + 1] if at + 1 < len(rules) else None
        before = after.handle if after is not None and after.place == rule.place else 0
        try:
            one = read_rule(*rule.place, rule.text, handle=rule.handle, before=before)
        except TextError:
            continue  # a rule of another form is no obstacle that could be told of
        if one.nets or one.port:
            found.append(_in_its_chain(one, rule, rules[:at]))
    return tuple(found), tuple(policies)


def _rules(lines: Sequence[str], policies: list[str]) -> Iterator[_Line]:
    family = table = chain = hook = ""
    for line in lines:
        if match := _TABLE.fullmatch(line):
            family, table = match.groups()
        elif match := _CHAIN.fullmatch(line):
            chain, hook = match[1], ""
        elif match := _HOOK.fullmatch(line):
            hook = match[1]
            if match[2] == "drop" and hook in HOOKS:
                policies.append(f"{family} {table} {chain}")
        elif match := _RULE.fullmatch(line):
            yield _Line((family, table, chain), hook, match[1], int(match[2]))


def _in_its_chain(one: Obstacle, rule: _Line, earlier: Sequence[_Line]) -> Obstacle:
    """The same, left to people where its chain gives it another meaning: one that is not asked for
    what comes and goes, or one whose earlier rules accept this port from some, so that it is the
    end of a list."""
    kept = one.kept
    if rule.hook not in HOOKS:
        kept = kept or "its chain is none of input, output and forward"
    if not one.nets and any(
        other.place == rule.place
        and _ACCEPTS.search(other.text)
        and re.search(rf"\b{one.port}\b", other.text)
        for other in earlier
    ):
        kept = kept or f"rules before it accept port {one.port} from some: it ends that list"
    if kept == one.kept:
        return one
    return Obstacle(
        kind=one.kind,
        says=one.says,
        nets=one.nets,
        port=one.port,
        place=one.place,
        handle=one.handle,
        before=one.before,
        kept=kept,
    )
