"""What on a host shuts the way to an address: a route, a firewall rule, an interface that is down.

An obstacle is kept exactly as the host prints it, so that it can be compared byte for byte before
it is removed, and put back. Each has one line of text (`Obstacle.line`), from which it can be read
again (`obstacle_of`): a plan holds these lines, and nothing else about it.

    route blackhole 10.0.0.2
    rule inet filter input 12 15 ip saddr 10.0.0.2 drop
    link eth1 10.1.0.5/24

Of a rule the numbers are its handle, and the handle of the rule after it, 0 if it is the last one.
Only a text whose every word is understood can be removed; of any other one `kept` says why not.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Iterator, Sequence
from enum import StrEnum

from remediations.values.lines import TextError, parse_number, split_words
from remediations.values.record import Record

MAX_LINE = 500
ROUTE_TYPES = ("blackhole", "unreachable", "prohibit")
NARROW = {4: 24, 6: 64}
"""IP version → the shortest prefix of a net that is taken for the address of a peer."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_DEVICE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_VALUE = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_COMMENT = re.compile(r' comment "[^"\\]*"$')
_LOG = re.compile(r'log(?: prefix "[^"\\]*")?(?: (?:level|flags|group) [a-z0-9]+)* ')
_FAMILIES = ("ip", "ip6", "inet")
HOOKS = ("input", "output", "forward")
_ROUTE_WORDS = ("proto", "metric", "table", "scope", "dev", "pref")


class ObstacleKind(StrEnum):
    """What it is."""

    ROUTE = "route"
    RULE = "rule"
    LINK = "link"


class Obstacle(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One obstacle. `says` is its text as the host prints it; `nets` are the networks that it
    names, none for a rule on a port alone, and `port` is the TCP port, 0 for any.

    `place` is FAMILY TABLE CHAIN of a rule, or the name of an interface. `handle` and `before` are
    numbers of a rule. `kept` says why it is left to people, and is "" where it can be removed.
    """

    kind: ObstacleKind
    says: str
    nets: tuple[str, ...] = ()
    port: int = 0
    place: str = ""
    handle: int = 0
    before: int = 0
    kept: str = ""

    @property
    def line(self) -> str:
        """The one line from which it can be read again."""
        if self.kind is ObstacleKind.RULE:
            return f"rule {self.place} {self.handle} {self.before} {self.says}"
        return f"{self.kind} {self.says}"

    @property
    def shown(self) -> str:
        """It as a person looks for it on the host."""
        if self.kind is ObstacleKind.RULE:
            return f"rule in {self.place}, handle {self.handle}: {self.says}"
        if self.kind is ObstacleKind.LINK:
            return f"interface {self.place}, which is down"
        return f"route {self.says}"

    @property
    def removal(self) -> str:
        """The command that removes it."""
        if self.kind is ObstacleKind.RULE:
            return f"nft delete rule {self.place} handle {self.handle}"
        if self.kind is ObstacleKind.LINK:
            return f"ip link set dev {self.place} up"
        return f"ip -{self._version} route del {route_words(self.says)}"

    def restoration(self, before: int) -> str:
        """The command that puts it back; a rule before the one with the handle `before`, or last
        in its chain for 0."""
        if self.kind is ObstacleKind.RULE:
            text = shlex.quote(self.says)
            if before:
                return f"nft insert rule {self.place} handle {before} {text}"
            return f"nft add rule {self.place} {text}"
        if self.kind is ObstacleKind.LINK:
            return f"ip link set dev {self.place} down"
        return f"ip -{self._version} route add {route_words(self.says)}"

    @property
    def _version(self) -> int:
        return ipaddress.ip_network(self.nets[0]).version

    def names(self, address: str) -> bool:
        """Whether the address lies in one of its networks."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in ipaddress.ip_network(net) for net in self.nets)


def route_words(says: str) -> str:
    """What `ip route add` and `ip route del` take of a route as `ip route show` prints it."""
    words = split_words(says)
    if "error" in words:
        at = words.index("error")
        del words[at : at + 2]
    return " ".join(words)


def obstacle_of(line: str) -> Obstacle:
    """The obstacle that a line describes, as `Obstacle.line` gives it.

    Raises:
        TextError: it is none.
    """
    kind, _, says = line.partition(" ")
    if kind == ObstacleKind.ROUTE:
        return read_route(says)
    if kind == ObstacleKind.LINK:
        return read_link(says)
    words = says.split(" ", 5)
    if kind != ObstacleKind.RULE or len(words) < 6:
        raise TextError("an obstacle is malformed")
    family, table, chain, handle, before, text = words
    return read_rule(
        family, table, chain, text, handle=parse_number(handle), before=parse_number(before)
    )


def read_route(says: str) -> Obstacle:
    """A route that leads nowhere, as `ip -o route show` prints it, without the blank at its end.

    Raises:
        TextError: it is none.
    """
    says = _line(says)
    words = split_words(says)
    if len(words) < 2 or words[0] not in ROUTE_TYPES:
        raise TextError("a route is malformed")
    net = "0.0.0.0/0" if words[1] == "default" else _net(words[1])
    pairs = words[2:]
    odd = [
        name
        for name, value in zip(pairs[::2], [*pairs[1::2], ""], strict=False)
        if not _is_route_pair(name, value)
    ]
    kept = f"it says {odd[0]}, which is not understood" if odd else _width([net])
    return Obstacle(kind=ObstacleKind.ROUTE, says=says, nets=(net,), kept=kept)


def _is_route_pair(name: str, value: str) -> bool:
    if name == "error":
        return re.fullmatch("-?[0-9]{1,10}", value) is not None
    return name in _ROUTE_WORDS and _VALUE.fullmatch(value) is not None


def read_link(says: str) -> Obstacle:
    """An interface that somebody has set down, and one of its addresses: `eth1 10.1.0.5/24`.

    Raises:
        TextError: it is none.
    """
    device, _, address = _line(says).partition(" ")
    if not _DEVICE.fullmatch(device):
        raise TextError("the name of an interface is malformed")
    return Obstacle(
        kind=ObstacleKind.LINK, says=f"{device} {address}", nets=(_net(address),), place=device
    )


def read_rule(
    family: str, table: str, chain: str, text: str, *, handle: int, before: int
) -> Obstacle:
    """A rule of nftables that drops or rejects, as `nft -s list` prints it.

    Raises:
        TextError: its place is malformed, or its text too long.
    """
    place = (family, table, chain)
    if not all(map(_NAME.fullmatch, place)) or not 0 < handle < 2**53:
        raise TextError("the place of a rule is malformed")
    text = _line(text)
    nets, port, odd = _matches(text)
    kept = f"it says {odd}, which is not understood" if odd else _width(nets)
    if family not in _FAMILIES:
        kept = kept or f"its table is of the family {family}"
    return Obstacle(
        kind=ObstacleKind.RULE,
        says=text,
        nets=tuple(nets),
        port=port,
        place=" ".join(place),
        handle=handle,
        before=before,
        kept=kept,
    )


def _matches(text: str) -> tuple[list[str], int, str]:
    """The networks and the TCP port that a rule names, and the first word that is not
    understood."""
    nets: list[str] = []
    ports: list[int] = []
    odd = ""
    words = iter(split_words(_LOG.sub("", _COMMENT.sub("", text))))
    for word in words:
        if word in ("drop", "counter"):
            continue
        if word == "reject":
            rest = list(words)
            odd = odd or ("" if not rest or rest[0] == "with" else rest[0])
        elif not _one_match(word, words, nets, ports):
            odd = odd or word
            _addresses(word, nets)
    if len(set(ports)) > 1:
        odd = odd or "several ports"
    return nets, ports[0] if ports else 0, odd


def _one_match(word: str, words: Iterator[str], nets: list[str], ports: list[int]) -> bool:
    """Whether the words from `word` on are a match that is understood; takes them away."""
    what = next(words, "")
    if word in ("ip", "ip6") and what in ("saddr", "daddr"):
        taken = [_addresses(one, nets) for one in _elements(words)]
        return all(taken)
    if word == "tcp" and what in ("dport", "sport"):
        found = list(_elements(words))
        ports.extend(int(one) for one in found if re.fullmatch("[0-9]{1,5}", one))
        return all(re.fullmatch("[0-9]{1,5}", one) for one in found)
    if word in ("meta", "ip") and what in ("l4proto", "protocol"):
        return next(words, "") == "tcp"
    if word in ("iif", "oif", "iifname", "oifname"):
        return _DEVICE.fullmatch(what.strip('"')) is not None
    _addresses(what, nets)
    return False


def _elements(words: Iterator[str]) -> Iterator[str]:
    """One value, or those of an anonymous set: `{ 10.0.0.2, 10.0.0.3 }`."""
    first = next(words, "")
    if first != "{":
        yield first
        return
    for word in words:
        if word == "}":
            return
        yield word.rstrip(",")


def _addresses(word: str, nets: list[str]) -> bool:
    """Whether the word is an address or a network, which is then added."""
    try:
        nets.append(_net(word.strip(",{}")))
    except TextError:
        return False
    return True


def _width(nets: Sequence[str]) -> str:
    """Why networks are left to people, "" for those that are as narrow as a peer's."""
    for net in nets:
        found = ipaddress.ip_network(net)
        if found.prefixlen < NARROW[found.version]:
            return f"it names a wide net, {net}"
    return ""


def _net(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise TextError("a network is malformed") from error


def _line(text: str) -> str:
    text = text.strip(" \t")
    if not text or len(text) > MAX_LINE or not text.isprintable():
        raise TextError("the text of an obstacle is empty, too long, or not printable")
    return text
