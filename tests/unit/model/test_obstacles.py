"""Routes, rules and interfaces as hosts print them: what is understood, and what is left alone."""

from __future__ import annotations

import pytest

from remediations.systems.comet.values import DialAnswer
from remediations.systems.comet.ways import Way, parse_ways
from remediations.systems.hosts.mend import PlannedMend, PlannedMendError, data_of
from remediations.systems.hosts.obstacles import Obstacle, obstacle_of, read_route, read_rule
from remediations.values.lines import TextError

ID = "a" * 40
RULES = """table inet filter { # handle 1
\tchain input { # handle 1
\t\ttype filter hook input priority filter; policy drop;
\t\t- # handle 4
\t\tip saddr @bad drop # handle 5
\t\tip saddr 10.0.0.2 drop # handle 6
\t\tip saddr { 10.0.0.2, 10.0.0.3 } tcp dport 26656 counter log prefix "no # way " drop # handle 8
\t\ttcp dport 26656 ip saddr 10.9.0.0/16 accept # handle 10
\t\ttcp dport 26656 reject with tcp reset # handle 11
\t\tmeta l4proto udp drop # handle 12
\tchain extra { # handle 2
\t\tip saddr 10.0.0.9 drop # handle 13
table ip nat { # handle 2
\tchain post { # handle 1
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\t- # handle 2
"""


def section(*lines: str, rules: str = "") -> bytes:
    return "".join(
        f"{line}\n" for line in (*lines, *(f"rule {rule}" for rule in rules.splitlines()))
    ).encode()


def rule(text: str, *, handle: int = 7, before: int = 0) -> Obstacle:
    return read_rule("inet", "filter", "input", text, handle=handle, before=before)


def test_a_way_and_what_shuts_it() -> None:
    """A peer whose name leads somewhere, a route, an interface."""
    told = parse_ways(
        section(
            f"way {ID} 10.0.0.2 shut silent",
            "route blackhole 10.0.0.2",
            "link eth1 10.1.0.5/24",
            "unread without sudo",
        )
    )
    assert told.ways == (Way(node_id=ID, address="10.0.0.2", shut=True, answer=DialAnswer.SILENT),)
    assert [one.line for one in told.obstacles] == [
        "route blackhole 10.0.0.2",
        "link eth1 10.1.0.5/24",
    ]
    assert [one.nets for one in told.obstacles] == [("10.0.0.2/32",), ("10.1.0.0/24",)]
    assert (told.unread, told.policies) == ("without sudo", ())


def test_rules_that_drop_with_their_place() -> None:
    """Those that name an address or a port, with the handle of the rule after each."""
    told = parse_ways(section(rules=RULES))
    assert told.policies == ("inet filter input",)
    found = {one.handle: one for one in told.obstacles}
    assert sorted(found) == [6, 8, 11, 13]
    assert found[6].line == "rule inet filter input 6 8 ip saddr 10.0.0.2 drop"
    assert (found[8].nets, found[8].port) == (("10.0.0.2/32", "10.0.0.3/32"), 26656)
    assert not found[6].kept
    assert not found[8].kept
    assert "it ends that list" in found[11].kept
    assert found[13].kept == "its chain is none of input, output and forward"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("ip saddr 10.0.0.2 drop", ""),
        ("ip6 saddr 2001:db8::2 tcp dport 26656 reject with icmpv6 port-unreachable", ""),
        ('iifname "eth0" ip saddr 10.0.0.2 counter drop comment "why, who"', ""),
        ("meta l4proto tcp ip saddr 10.0.0.0/24 drop", ""),
        ("ip saddr 10.0.0.0/8 drop", "it names a wide net, 10.0.0.0/8"),
        ("ip saddr != 10.0.0.2 drop", "it says ip, which is not understood"),
        ("ip saddr 10.0.0.2 limit rate 1/second drop", "it says limit, which is not understood"),
        ("tcp dport { 26656, 26657 } drop", "it says several ports, which is not understood"),
        ("tcp dport 26000-27000 ip saddr 10.0.0.2 drop", "it says tcp, which is not understood"),
        ("ip saddr 10.0.0.2 udp dport 26656 drop", "it says udp, which is not understood"),
        ("ip saddr 10.0.0.2 jump other drop", "it says jump, which is not understood"),
    ],
)
def test_only_what_is_understood_word_for_word_is_removed(text: str, kept: str) -> None:
    assert rule(text).kept == kept


@pytest.mark.parametrize(
    ("says", "kept"),
    [
        ("blackhole 10.0.0.2", ""),
        ("prohibit 10.0.0.2 table 100 proto static metric 7", ""),
        ("unreachable 2001:db8::2 dev lo metric 1024 pref medium error -113", ""),
        ("blackhole default", "it names a wide net, 0.0.0.0/0"),
        ("blackhole 10.0.0.2 linkdown", "it says linkdown, which is not understood"),
        ("blackhole 10.0.0.2 metric $(id)", "it says metric, which is not understood"),
    ],
)
def test_routes(says: str, kept: str) -> None:
    assert read_route(says).kept == kept


def test_the_commands_name_exactly_it() -> None:
    """A route by its words, without what only `show` prints; a rule by its handle."""
    route = read_route("unreachable 2001:db8::2 dev lo metric 1024 error -113")
    assert route.removal == "ip -6 route del unreachable 2001:db8::2 dev lo metric 1024"
    assert route.restoration(0) == "ip -6 route add unreachable 2001:db8::2 dev lo metric 1024"
    assert rule("ip saddr 10.0.0.2 drop").removal == "nft delete rule inet filter input handle 7"
    link = obstacle_of("link eth1 10.1.0.5/24")
    assert (link.removal, link.restoration(0)) == (
        "ip link set dev eth1 up",
        "ip link set dev eth1 down",
    )


def test_neighbours_are_put_back_in_their_order() -> None:
    """Each before the rule that stayed: one that is put back has another handle."""
    first = rule("ip saddr 10.0.0.2 drop", handle=12, before=8)
    second = rule("ip saddr 10.0.0.3 drop", handle=8, before=9)
    last = rule("ip saddr 10.0.0.4 drop", handle=20)
    planned = PlannedMend(obstacles=(second, last, first))
    assert planned.undo.split("; ") == [
        "nft insert rule inet filter input handle 9 'ip saddr 10.0.0.2 drop'",
        "nft insert rule inet filter input handle 9 'ip saddr 10.0.0.3 drop'",
        "nft add rule inet filter input 'ip saddr 10.0.0.4 drop'",
    ]


def test_a_plan_holds_lines_and_nothing_else() -> None:
    found = (read_route("blackhole 10.0.0.2"), rule("ip saddr 10.0.0.2 drop", before=9))
    text = data_of(found)
    assert text == (
        '["route blackhole 10.0.0.2", "rule inet filter input 7 9 ip saddr 10.0.0.2 drop"]'
    )
    assert PlannedMend.from_data({"obstacles": text}).obstacles == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[1]",
        "[" * 10_000,
        '["route throw 10.0.0.2"]',
        '["route blackhole 10.0.0.0/8"]',
        '["rule inet filter input 7 0 ip saddr 10.0.0.0/8 drop"]',
        '["rule inet filter in;put 7 0 ip saddr 10.0.0.2 drop"]',
        '["rule inet filter input x 0 ip saddr 10.0.0.2 drop"]',
        '["link eth1;id 10.0.0.2/24"]',
        '["route blackhole 10.0.0.2\\nroute blackhole 10.0.0.3"]',
        5,
    ],
)
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(PlannedMendError):
        PlannedMend.from_data({"obstacles": text})


@pytest.mark.parametrize(
    "line", ["", "way", "route", "link eth1", "way x 10.0.0.2 ok open", "wall", "route \x1b[0m x"]
)
def test_a_malformed_line_spoils_the_section(line: str) -> None:
    with pytest.raises(TextError):
        parse_ways(f"{line}\n".encode())
