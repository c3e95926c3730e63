"""What the plain path must know of a node before it may act: read on the host, as root, read-only.

The engine does not use this: it reads an Observation. Whatever cannot be read is doubt, and doubt
is None for the whole node, never a default. The home is looked into as by the engine's own reading
(files/guest.sh), and the RPC is asked without rights.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import shlex
from dataclasses import dataclass

from pyinfra.api.command import StringCommand
from pyinfra.api.facts import FactBase

from remediations.files.guest import GUEST
from remediations.operations.planned import HOME, UNIT

READ_LIMIT_S = 20
"""For the whole reading; a frozen daemon costs two times three seconds of it."""

_SWITCH = {"": False, "false": False, "true": True}

_TEXT = r"""
ulimit -c 0 -d 262144
argument() { systemctl show -p ExecStart --value "$1" | sed -n "s/.*[ ]--$2[= ]\([^ ;]*\).*/\1/p"; }
show() { systemctl show -p "$1" --value "$unit"; }
look() { home=$home timeout -k 1 5 sh -c "$guest" guest "$1" "$home/$2"; }
value() { sed -n "s/^$1 = [\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}\$/\1/p" | head -n 1; }
setting() { printf '%s\n' "$1" | value "$2"; }
ask() {
  $as_nobody curl -q -sS --noproxy '*' --max-time 3 "http://$rpc/$1" 2>/dev/null |
    head -c 4000000 | base64 -w 0
}

as_nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'
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
printf 'user=%s\n' "$(show User)"
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
        values = {"unit": unit, "home": home, "rpc": address, "guest": GUEST}
        head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
        program = f"exec 2>/dev/null\n{head}{_TEXT}"
        return StringCommand(f"timeout {READ_LIMIT_S} sh -c {shlex.quote(program)}")

    def process(self, output: list[str]) -> NodeState | None:
        """None on doubt: a line is missing, twice there, or does not say what it must."""
        lines = dict(line.split("=", 1) for line in output if "=" in line)
        if len(lines) != len(output) or lines.get("end") != "yes":
            return None
        try:
            return _state(lines)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
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
        stop_timeout_s=_seconds(lines["stop"]),
        address=address,
        sign=_sign_state(_decoded(lines["sign"]).strip()),
        free_kib=int(lines["free"]),
        remote_signer=lines["signer"].strip(),
        double_sign_check_height=int(lines["check"] or 0),
        adaptive_sync=_SWITCH[lines["adaptive"]],
        halt=lines["halt"].replace(" ", ""),
        rpc=_rpc(_decoded(lines["status"]), _decoded(lines["votes"])),
    )


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except binascii.Error as error:
        raise ValueError("it is not base64") from error


def _sign_state(text: str) -> tuple[int, int, int] | None:
    if text == "absent":
        return None
    raw = json.loads(text)
    return int(raw["height"]), int(raw["round"]), int(raw["step"])


def _rpc(status: str, votes: str) -> RpcState | None:
    if not status:
        return None
    result = json.loads(status)["result"]
    rounds = json.loads(votes)["result"]["round_state"]["height_vote_set"]
    # "BA{4:xx_x} 70/100 = 0.70": votes seen, and the power of the whole set.
    total = re.search(r"\} [0-9]{1,19}/([0-9]{1,19}) =", rounds[0]["prevotes_bit_array"])
    if total is None:
        raise ValueError("no voting power in the round state")
    return RpcState(
        network=str(result["node_info"]["network"]),
        height=int(result["sync_info"]["latest_block_height"]),
        catching_up=result["sync_info"]["catching_up"] is True,
        address=str(result["validator_info"]["address"]).upper(),
        power=int(result["validator_info"]["voting_power"]),
        total=int(total[1]),
    )


MAX_SPAN = 60
"""Characters of a time span."""
_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}


def _seconds(span: str) -> int:
    """systemd's "1min 30s" in whole seconds, rounded up; "infinity" is refused as doubt."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|min|s|h)", span[:MAX_SPAN])
    if "".join(number + unit for number, unit in parts) != span.replace(" ", ""):
        raise ValueError("a time span has another form")
    return -int(-sum(float(number) * _UNITS[unit] for number, unit in parts) // 1_000_000)
