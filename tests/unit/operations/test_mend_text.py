"""The program that removes obstacles, run for real under /bin/sh; `ip` and `nft` keep what they
print in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.systems.hosts.mend import PlannedMend
from remediations.systems.hosts.obstacles import obstacle_of
from tests.unit.operations.host import FakeHost

ROUTE = "route blackhole 10.0.0.2"
RULE = "rule inet filter input 12 15 ip saddr 10.0.0.2 drop"
IN_ALL = "removed: {} in all, each as planned\n"
LINK = "link eth1 10.1.0.5/24"

IP = r"""#!/bin/sh
cd "$(dirname "$0")/../net" || exit 99
case "$*" in
  '-o -4 route show table all type '*) grep "^$8 " routes ;;
  '-o -6 route show table all type '*) ;;
  '-4 route del '*)
    shift 3
    grep -vxF "$* " routes >left; cat left >routes; echo "route del $*" >>acts ;;
  '-o link show dev '*) cat link ;;
  '-o address show dev '*) echo '2: eth1    inet 10.1.0.5/24 scope global eth1\  valid' ;;
  'link set dev eth1 up') sed -i 's/<BROADCAST/<UP,BROADCAST/' link; echo "$*" >>acts ;;
  *) echo "unexpected: ip $*" >&2; exit 9 ;;
esac
exit 0
"""
NFT = r"""#!/bin/sh
cd "$(dirname "$0")/../net" || exit 99
case "$*" in
  '-s -a list chain inet filter input') [ -e rules ] && cat rules ;;
  'list tables') ;;
  'delete rule inet filter input handle 12')
    sed -i '/# handle 12$/d' rules; echo "$*" >>acts ;;
  *) echo "unexpected: nft $*" >&2; exit 9 ;;
esac
"""


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    host = FakeHost(tmp_path)
    host.script("ip", IP)
    host.script("nft", NFT)
    net(host).mkdir()
    (net(host) / "routes").write_text("blackhole 10.0.0.2 \nprohibit 10.0.0.7 metric 5 \n")
    (net(host) / "link").write_text("2: eth1: <BROADCAST,MULTICAST> mtu 1500 state DOWN\n")
    (net(host) / "rules").write_text(
        "table inet filter {\n\tchain input { # handle 1\n"
        "\t\ttype filter hook input priority filter; policy accept;\n"
        "\t\tip saddr 10.0.0.2 drop # handle 12\n\t\tip saddr 10.0.0.3 drop # handle 15\n\t}\n}\n"
    )
    return host


def net(host: FakeHost) -> Path:
    return host.root / "net"


def acts(host: FakeHost) -> list[str]:
    path = net(host) / "acts"
    return path.read_text().splitlines() if path.exists() else []


def planned(*lines: str) -> PlannedMend:
    return PlannedMend(obstacles=tuple(map(obstacle_of, lines)))


def test_exactly_these_are_removed(host: FakeHost) -> None:
    """Others stay; a second run finds nothing to do; the probe tells before and after."""
    work = planned(ROUTE, RULE, LINK)
    assert not host.holds(work.probe)
    done = host.run(work.text)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"removed: {ROUTE}\nremoved: {RULE}\nremoved: {LINK}\n" + IN_ALL.format(3)
    assert acts(host) == [
        "route del blackhole 10.0.0.2",
        "delete rule inet filter input handle 12",
        "link set dev eth1 up",
    ]
    assert (net(host) / "routes").read_text() == "prohibit 10.0.0.7 metric 5 \n"
    assert "10.0.0.3" in (net(host) / "rules").read_text()
    assert host.holds(work.probe)
    again = host.run(work.text)
    assert (again.returncode, again.stdout) == (0, "already so: none of them is there\n")


@pytest.mark.parametrize(
    ("name", "old", "new", "got"),
    [
        ("routes", "blackhole 10.0.0.2 ", "blackhole 10.0.0.2 metric 5 ", "another route"),
        ("routes", "blackhole 10.0.0.2 ", "prohibit 10.0.0.2 ", "another route"),
        ("rules", "10.0.0.2 drop", "10.0.0.2 tcp dport 26656 drop", "rule ip saddr 10.0.0.2 tcp"),
        ("rules", "10.0.0.2 drop", "10.0.0.2 accept", "rule ip saddr 10.0.0.2 accept"),
    ],
)
def test_one_that_differs_keeps_all(
    host: FakeHost, name: str, old: str, new: str, got: str
) -> None:
    """Each is compared before any is removed."""
    path = net(host) / name
    path.write_text(path.read_text().replace(old, new, 1))
    done = host.run(planned(LINK, ROUTE, RULE).text)
    assert done.returncode == 64
    assert done.stderr.startswith(f"refused: got {got}")
    assert done.stderr.endswith("nothing was removed\n")
    assert acts(host) == []


def test_an_interface_with_another_address_is_refused(host: FakeHost) -> None:
    done = host.run(planned(ROUTE, "link eth1 10.2.0.5/24").text)
    assert done.returncode == 64
    assert acts(host) == []


def test_a_chain_that_is_gone_shuts_nothing(host: FakeHost) -> None:
    (net(host) / "rules").unlink()
    assert host.holds(planned(RULE).probe)
    done = host.run(planned(RULE, ROUTE).text)
    assert (done.returncode, done.stdout) == (0, f"removed: {ROUTE}\n{IN_ALL.format(1)}")


def test_a_host_that_does_not_tell_is_no_success(host: FakeHost) -> None:
    """Neither for the step nor for its probe."""
    host.script("nft", "#!/bin/sh\nexit 1\n")
    done = host.run(planned(RULE, ROUTE).text)
    assert done.returncode == 1
    assert acts(host) == []
    assert host.ask("obstacles-gone", RULE).returncode == 69


def test_one_that_stays_is_a_failure(host: FakeHost) -> None:
    """A route that is not deleted, although `ip` says so."""
    host.script("ip", IP.replace("cat left >routes;", ""))
    done = host.run(planned(ROUTE).text)
    assert done.returncode == 1
    assert "is there still, after it was removed" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "route throw 10.0.0.2",
        "rule a b;id c 1 0 x",
        "rule inet filter input x 0 drop",
        "link -h x",
        "",
        "a\nb",
    ],
)
def test_the_probe_takes_no_other_words(host: FakeHost, line: str) -> None:
    assert host.ask("obstacles-gone", line).returncode == 65
