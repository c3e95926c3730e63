"""What the inventory as a whole has and lacks of its chain. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from remediations.engine.doctor.line import DoctorLine, Urgency, lack_line, ok_line, warn_line
from remediations.playbooks.chain.diagnose.clocks import Clocks
from remediations.playbooks.chain.diagnose.machines import names_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power, duplicate_keys
from remediations.render.formats import count_of, name_some, percent, short_digest
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.quorum import has_quorum
from remediations.values.reading import Known, Unknown

CHAIN = "chain"
"""The subject of lines about the whole."""
DISABLE = "`sudo systemctl disable --now UNIT`"
"""Not `mask`, which systemd refuses for a unit whose file is in /etc, where most are."""
ONE_KEY = "one key, one host"
"""The topic of the most dangerous lack: it costs a validator for ever."""


def chain_lines(
    views: Sequence[NodeView], power: Power, same: Mapping[str, str]
) -> tuple[DoctorLine, ...]:
    """The validator set, who covers it, machines with two names, keys that are on two hosts, and
    different programs."""
    return (
        *_set(power),
        *_coverage(views, power),
        *_names(same),
        *_duplicates(views, power, same),
        *_programs(views),
    )


def our_clock(clocks: Clocks) -> tuple[DoctorLine, ...]:
    """This machine's clock, where all hosts agree against it: said once, and of none of them."""
    if not clocks.our_fault:
        return ()
    mend = "`timedatectl` here; then `remediate doctor` again"
    return (lack_line(CHAIN, "our clock", clocks.our_fault, mend, urgency=Urgency.FIRST),)


def _set(power: Power) -> list[DoctorLine]:
    if not power.known:
        mend = "`remediate diagnose`: bring one node to answer /validators"
        found = "no node that can be believed tells it"
        return [lack_line(CHAIN, "validator set", found, mend, urgency=Urgency.LAST)]
    members = count_of(len(power.addresses), "validator")
    return [
        ok_line(CHAIN, "validator set", f"{members}, power {power.total}, as {power.source} says")
    ]


def _coverage(views: Sequence[NodeView], power: Power) -> list[DoctorLine]:
    if not power.known:
        return []
    missing = [address for address in power.addresses if address not in power.holders]
    covered = power.total - power.uncovered
    share = f"{covered} of {power.total} ({percent(covered, power.total)})"
    if not missing:
        return [ok_line(CHAIN, "coverage", f"hosts here hold {share} of the voting power")]
    addresses = name_some([short_digest(address) for address in missing], 4)
    found = f"hosts here hold {share}; on none of them: {addresses}"
    blind = [view.host for view in views if _blind(view)]
    if blind:  # one of those may hold what is missing, and each has its own line
        mend = f"first see below what keeps the key of {name_some(blind)} from being read"
        return [warn_line(CHAIN, "coverage", found, mend)]
    if has_quorum(covered, power.total):
        mend = "add their hosts to the inventory, where they are yours"
        return [warn_line(CHAIN, "coverage", found, mend)]
    mend = "add their hosts, or know their operators: without them no quorum can be restored"
    return [lack_line(CHAIN, "coverage", found, mend, urgency=Urgency.LAST)]


def _blind(view: NodeView) -> bool:
    """Whether this host may hold a key of which nothing could be read."""
    is_bastion = view.reading.role is Role.BASTION
    return isinstance(view.reading.key, Unknown) and not view.address and not is_bastion


def _names(same: Mapping[str, str]) -> list[DoctorLine]:
    """One machine under two names: every step would be done there twice."""
    mend = "take all but one of these names out of the inventory; change nothing on the machine"
    return [
        lack_line(
            CHAIN,
            "one name, one host",
            f"{name_some((first, *names_of(first, same)))} are the same machine",
            mend,
            urgency=Urgency.FIRST,
        )
        for first in sorted(set(same.values()))
    ]


def _duplicates(
    views: Sequence[NodeView], power: Power, same: Mapping[str, str]
) -> list[DoctorLine]:
    """Loud whoever of them runs: the second one to start is tombstoned within two blocks."""
    down = {view.host for view in views if view.down}
    return [
        lack_line(
            CHAIN,
            ONE_KEY,
            f"the key {short_digest(address)} (power {power.of(address)}) is on {', '.join(hosts)}",
            _apart(hosts, [host for host in hosts if host not in down]),
            urgency=Urgency.FIRST,
        )
        for address, hosts in sorted(duplicate_keys(views, same).items())
    ]


def _apart(hosts: Sequence[str], running: Sequence[str]) -> str:
    """How to get two copies of a key apart, whoever of them may run."""
    if len(running) == 1:
        others = ", ".join(host for host in hosts if host != running[0])
        return f"{running[0]} runs: leave it; on {others}: {DISABLE}, then move the key away"
    if running:
        names = ", ".join(running)
        return f"find out which of {names} signs; on the others at once: {DISABLE}"
    return (
        f"none runs: decide which of {', '.join(hosts)} is to sign; on the others: {DISABLE}, then "
        "move the key away from there"
    )


def _programs(views: Sequence[NodeView]) -> list[DoctorLine]:
    """Nodes of one chain run one program, save during an upgrade."""
    by_host = {
        view.host: view.reading.binary.value.sha256
        for view in views
        if isinstance(view.reading.binary, Known)
    }
    counted = Counter(by_host.values()).most_common()
    if not counted:
        return []
    usual = counted[0][0]
    others = sorted(host for host, sha256 in by_host.items() if sha256 != usual)
    if not others:
        found = f"{short_digest(usual)} on {count_of(len(by_host), 'host')}"
        return [ok_line(CHAIN, "one program", found)]
    found = f"{short_digest(usual)} on {counted[0][1]} host(s), another on {name_some(others)}"
    return [
        warn_line(CHAIN, "one program", found, "is an upgrade going on? else install the same one")
    ]
