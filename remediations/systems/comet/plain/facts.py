"""What the plain path must know of a node before it may act: read on the host, as root, read-only.

The engine does not use this: it reads an Observation. Whatever cannot be read is doubt, and doubt
is None for the whole node, never a default. The home is looked into as by the engine's own reading
(systems/hosts/guest.sh), as the service user before root; the RPC is asked without rights; and what
both say is parsed by the engine's own parsers.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from dataclasses import dataclass

from pyinfra.api.command import StringCommand
from pyinfra.api.facts import FactBase

from remediations.systems.comet.rpc import parse_status, parse_total_power
from remediations.systems.comet.sign_state import parse_sign_state
from remediations.systems.hosts.guest import guest_functions
from remediations.values.lines import UNLIMITED, number, seconds
from remediations.values.names import HOME, UNIT

LOOK_LIMIT_S = 5
READ_LIMIT_S = 20
"""For the whole reading; a frozen daemon costs two times three seconds of it."""

_SWITCH = {"": False, "false": False, "true": True}

_TEXT = r"""
ulimit -c 0 -d 262144
argument() { systemctl show -p ExecStart --value "$1" | sed -n "s/.*[ ]--$2[= ]\([^ ;]*\).*/\1/p"; }
show() { systemctl show -p "$1" --value "$unit"; }
look() { guest "$1" "$home/$2"; }
value() { sed -n "s/^$1 = [\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}\$/\1/p" | head -n 1; }
setting() { printf '%s\n' "$1" | value "$2"; }
ask() {
  $as_nobody curl -q -sSg --proto =http --noproxy '*' --max-time 3 --url "http://$rpc/$1" |
    head -c 4000000 | base64 -w 0
}

as_nobody='setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs'
$as_nobody curl --version >/dev/null || as_nobody= # no root, or a curl that nobody may start
if [ -z "$unit" ]; then
  for name in $(systemctl list-unit-files --type=service --no-legend --plain |
    sed 's/ .*//' | grep -v '@\.service$'); do
    case $(systemctl show -p ExecStart --value "$name") in
      *' start '*--home*) unit="$unit $name" ;;
    esac
  done
  unit=${unit# }
fi
[ -n "$home" ] || home=$(argument "$unit" home)
user=$(show User)
served_by "${user:-root}"
config=$(look settings config/config.toml) && app=$(look settings config/app.toml) || exit 0
[ -d "$home/data" ] || exit 0
if [ -z "$rpc" ]; then
  rpc=$(printf '%s\n' "$config" | sed -n '/^\[rpc\]$/,/^\[/p' | value laddr |
    sed 's|^tcp://||; s/^0\.0\.0\.0:/127.0.0.1:/; s/^\[::\]:/127.0.0.1:/')
fi
case $rpc in *[!][A-Za-z0-9.:-]*) exit 0 ;; esac
address=$(look address config/priv_validator_key.json)
[ "$?" -ne 44 ] || address=absent
state=$(look sign_state data/priv_validator_state.json)
[ "$?" -ne 44 ] || state=absent
printf 'unit=%s\n' "$unit"
printf 'home=%s\n' "$home"
printf 'load=%s\n' "$(show LoadState)"
printf 'active=%s\n' "$(show ActiveState)"
printf 'user=%s\n' "$user"
printf 'stop=%s\n' "$(show TimeoutStopUSec)"
printf 'key=%s\n' "$address"
printf 'sign=%s\n' "$(printf '%s\n' "$state" | base64 -w 0)"
printf 'free=%s\n' "$(df -k --output=avail "$home/data" | tail -n 1 | tr -d ' ')"
printf 'signer=%s\n' "$(setting "$config" priv_validator_laddr)"
printf 'check=%s\n' "$(setting "$config" double_sign_check_height)"
printf 'adaptive=%s\n' "$(setting "$config" adaptive_sync)"
printf 'halt=%s/%s\n' "$(setting "$app" halt-height)" "$(setting "$app" halt-time)"
printf 'status=%s\n' "$(ask status)"
printf 'votes=%s\n' "$(ask consensus_state)"
printf 'end=yes\n'
"""


@dataclass(frozen=True, kw_only=True)
class RpcState:
    """What the node's own RPC says. `total` is the whole set's power."""

    network: str
    height: int
    catching_up: bool
    address: str
    power: int
    total: int


@dataclass(frozen=True, kw_only=True)
class NodeState:
    """One node, at one moment. `address` is "" without a key file; `sign` None without a state.

    `rpc` is None when the RPC does not answer, as it does for a node that is down.
    """

    unit: str
    home: str
    load_state: str
    active_state: str
    user: str
    stop_timeout_s: int
    address: str
    sign: tuple[int, int, int] | None
    free_kib: int
    remote_signer: str
    double_sign_check_height: int
    adaptive_sync: bool
    halt: str
    rpc: RpcState | None

    def to_json(self) -> dict[str, object]:
        """For `pyinfra INVENTORY fact …` and `--json`, which cannot write dataclasses."""
        return {
            "unit": self.unit,
            "home": self.home,
            "load_state": self.load_state,
            "active_state": self.active_state,
            "address": self.address,
            "sign": self.sign,
            "free_kib": self.free_kib,
            "rpc": None if self.rpc is None else vars(self.rpc),
        }


class NodeReading(FactBase["NodeState | None"]):
    """The node of this host, or None when anything needed could not be read. Needs `_sudo=True`.

    What is "" is discovered: the one service whose ExecStart starts with a --home, its home, the
    RPC address from its config.toml.
    """

    def command(self, unit: str = "", home: str = "", rpc: str = "") -> StringCommand:
        """The reading program: bounded in time and bytes, writes nothing, prints no secret."""
        address = rpc.removeprefix("http://").removeprefix("tcp://").rstrip("/")
        values = {"unit": unit, "home": home, "rpc": address}
        head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
        program = f"exec 2>/dev/null\n{head}{guest_functions(LOOK_LIMIT_S)}{_TEXT}"
        return StringCommand(f"timeout {READ_LIMIT_S} sh -c {shlex.quote(program)}")

    def process(self, output: list[str]) -> NodeState | None:
        """None on doubt: a line is missing, twice there, or does not say what it must."""
        lines = dict(line.split("=", 1) for line in output if "=" in line)
        if len(lines) != len(output) or lines.get("end") != "yes":
            return None
        try:
            return _state(lines)
        except (ValueError, KeyError):
            return None


def _state(lines: dict[str, str]) -> NodeState:
    address = "" if lines["key"] == "absent" else lines["key"].upper()
    if not re.fullmatch(r"([0-9A-F]{40})?", address) or (not address and lines["key"] != "absent"):
        raise ValueError("the key file has no address")
    if not UNIT.fullmatch(lines["unit"]) or not HOME.fullmatch(lines["home"]):
        raise ValueError("there is not one unit with one home")
    return NodeState(
        unit=lines["unit"],
        home=lines["home"],
        load_state=lines["load"],
        active_state=lines["active"],
        user=lines["user"],
        stop_timeout_s=_stop_timeout(lines["stop"]),
        address=address,
        sign=_sign_state(_decoded(lines["sign"]).decode().strip()),
        free_kib=number(lines["free"]),
        remote_signer=lines["signer"].strip(),
        double_sign_check_height=number(lines["check"] or "0"),
        adaptive_sync=_SWITCH[lines["adaptive"]],
        halt=lines["halt"].replace(" ", ""),
        rpc=_rpc(_decoded(lines["status"]), _decoded(lines["votes"])),
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("it is not base64") from error


def _stop_timeout(span: str) -> int:
    timeout = seconds(span)
    if timeout == UNLIMITED:
        raise ValueError("a stop may take for ever")
    return timeout


def _sign_state(text: str) -> tuple[int, int, int] | None:
    return None if text == "absent" else parse_sign_state(text).hrs


def _rpc(status: bytes, votes: bytes) -> RpcState | None:
    if not status:
        return None
    node = parse_status(status)
    return RpcState(
        network=node.network,
        height=node.height,
        catching_up=node.catching_up,
        address=node.address,
        power=node.power,
        total=parse_total_power(votes),
    )
