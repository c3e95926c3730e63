"""Where a node lacks peers, its host is asked for what shuts the ways to them."""

from __future__ import annotations

import os
from pathlib import Path

from remediations.systems.comet.values import Dial, DialAnswer
from remediations.values.reading import Known, value_or_none
from tests.unit.model import answers
from tests.unit.observe.fake_host import Frozen, Host, Rpc, observe


def test_the_ports_of_missing_peers_are_tried(tmp_path: Path) -> None:
    """Only of persistent peers that the node lacks, and only where the setting is plain. Nothing is
    sent: a connection is made and closed."""
    rpc = Rpc()
    door = Frozen()
    try:
        host = Host(tmp_path, rpc.port)
        missing, closed, present = "a" * 40, "b" * 40, answers.node_id(1)
        config = host.home / "config/config.toml"
        peers = (
            f"{missing}@127.0.0.1:{door.port}, {closed}@127.0.0.1:1,"
            f"{present}@127.0.0.1:{door.port},c@127.0.0.1:9,{'d' * 40}@$(id):9"
        )
        before = "aa@10.0.0.1:26656,bb@10.0.0.2:26656"
        config.write_text(config.read_text().replace(before, peers))
        reading = observe(host)
    finally:
        rpc.close()
        door.close()
    assert reading.dials is not None
    assert value_or_none(reading.dials) == (
        Dial(node_id=missing, answer=DialAnswer.OPEN),
        Dial(node_id=closed, answer=DialAnswer.REFUSED),
    )


IP = """#!/bin/sh
case "$*" in
  'route get 127.0.0.1') exit 0 ;;
  'route get '*) exit 2 ;;
  '-o -4 route show table all type blackhole') echo 'blackhole 10.0.0.2 ' ;;
  '-o -6 route show table all type unreachable')
    echo 'unreachable default dev lo table unspec proto kernel metric 4294967295 error -101' ;;
  '-o link show')
    echo '1: lo: <LOOPBACK> mtu 65536'
    echo '2: eth0: <BROADCAST,UP,LOWER_UP> mtu 1500'
    echo '3: eth1@if4: <BROADCAST,MULTICAST> mtu 1500' ;;
  '-o address show dev eth1') echo '3: eth1    inet 10.1.0.5/24 scope global eth1' ;;
esac
"""
NFT = """#!/bin/sh
printf 'table inet filter { # handle 1\\n\\tset bad { # handle 2\\n\\t\\ttype ipv4_addr\\n\\t}\\n'
printf '\\tchain input { # handle 1\\n\\t\\ttype filter hook input priority filter; policy drop;\\n'
printf '\\t\\tip saddr 10.7.7.7 tcp dport 5432 meta mark set 1 # handle 3\\n'
printf '\\t\\tip saddr 10.0.0.2 drop # handle 4\\n\\t\\tct state new log # handle 5\\n\\t}\\n}\\n'
"""


def test_what_shuts_the_ways_to_peers(tmp_path: Path) -> None:
    """Where a peer is lacking: names are resolved, ports tried, and of the host's firewall nothing
    leaves it but what drops, and numbers."""
    rpc, door = Rpc(), Frozen()
    try:
        host = Host(tmp_path, rpc.port)
        host.script("ip", IP)
        host.script("nft", NFT)
        near, far = "a" * 40, "b" * 40
        config = host.home / "config/config.toml"
        peers = f"{near}@localhost:{door.port},{far}@10.0.0.2:26656"
        before = "aa@10.0.0.1:26656,bb@10.0.0.2:26656"
        config.write_text(config.read_text().replace(before, peers))
        host.script("getent", "#!/bin/sh\necho '127.0.0.1 STREAM localhost'\n")
        reading = observe(host)
    finally:
        rpc.close()
        door.close()
    assert isinstance(reading.ways, Known), reading.ways
    told = reading.ways.value
    assert [(w.node_id, w.address, w.shut) for w in told.ways] == [
        (near, "127.0.0.1", False),
        (far, "10.0.0.2", True),
    ]
    assert told.ways[0].answer is DialAnswer.OPEN
    lines = [one.line for one in told.obstacles]
    assert lines[:2] == ["route blackhole 10.0.0.2", "link eth1 10.1.0.5/24"]
    if os.geteuid() == 0:
        assert lines[2:] == ["rule inet filter input 4 5 ip saddr 10.0.0.2 drop"]
        assert (told.unread, told.policies) == ("", ("inet filter input",))
    else:
        assert (lines[2:], told.unread) == ([], "without sudo")
