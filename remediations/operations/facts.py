"""What the plain path must know of a node before it may act: read on the host, as root, read-only.

The engine does not use this: it reads an Observation. Whatever cannot be read is doubt, and doubt
is None for the whole node, never a default.
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

from remediations.operations.planned import HOME, UNIT

READ_LIMIT_S = 20
"""For the whole reading; a frozen daemon costs two times three seconds of it."""

_TEXT = r"""
argument() { systemctl show -p ExecStart --value "$1" | sed -n "s/.*[ ]--$2[= ]\([^ ;]*\).*/\1/p"; }
show() { systemctl show -p "$1" --value "$unit"; }
setting() {
  sed -n "s/^$2[[:space:]]*=[[:space:]]*\"\{0,1\}\([^\"#]*\).*/\1/p" "$home/config/$1" | head -n 1
}
ask() { curl -sS --max-time 3 "http://$rpc/$1" 2>/dev/null | head -c 4000000 | base64 -w 0; }
json_file() { if [ -e "$1" ]; then head -c 20000 "$1" | sed "$2"; else echo absent; fi; }

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
[ -r "$home/config/config.toml" ] && [ -d "$home/data" ] || exit 0
if [ -z "$rpc" ]; then
  rpc=$(sed -n '/^\[rpc\]/,/^\[/s/^laddr[[:space:]]*=[[:space:]]*"tcp:\/\/\(.*\)"/\1/p' \
    "$home/config/config.toml" | sed 's/^0\.0\.0\.0:/127.0.0.1:/; s/^\[::\]:/127.0.0.1:/')
fi
printf 'unit=%s\n' "$unit"
printf 'home=%s\n' "$home"
printf 'load=%s\n' "$(show LoadState)"
printf 'active=%s\n' "$(show ActiveState)"
printf 'user=%s\n' "$(show User)"
printf 'stop=%s\n' "$(show TimeoutStopUSec)"
printf 'key=%s\n' "$(json_file "$home/config/priv_validator_key.json" \
  '/"address"/!d; s/.*"address"[^"]*"\([0-9A-Fa-f]*\)".*/\1/')"
printf 'sign=%s\n' "$(json_file "$home/data/priv_validator_state.json" '' | base64 -w 0)"
printf 'free=%s\n' "$(df -k --output=avail "$home/data" | tail -n 1 | tr -d ' ')"
printf 'signer=%s\n' "$(setting config.toml priv_validator_laddr)"
printf 'check=%s\n' "$(setting config.toml double_sign_check_height)"
printf 'halt=%s/%s\n' "$(setting app.toml halt-height)" "$(setting app.toml halt-time)"
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
        values = f"unit={shlex.quote(unit)}\nhome={shlex.quote(home)}\nrpc={shlex.quote(address)}\n"
        program = f"exec 2>/dev/null\n{values}{_TEXT}"
        return StringCommand(f"timeout {READ_LIMIT_S} sh -c {shlex.quote(program)}")

    def process(self, output: list[str]) -> NodeState | None:
        """None on doubt: a line is missing, twice there, or does not say what it must."""
        lines = dict(line.split("=", 1) for line in output if "=" in line)
        if len(lines) != len(output) or lines.get("end") != "yes":
            return None
        try:
            return _state(lines)
        except (ValueError, KeyError, TypeError, IndexError):
            return None


def _state(lines: dict[str, str]) -> NodeState:
    address = "" if lines["key"] == "absent" else lines["key"].upper()
    if not re.fullmatch(r"([0-9A-F]{40})?", address) or (not address and lines["key"] != "absent"):
        raise ValueError("the key file has no address")
    if not UNIT.fullmatch(lines["unit"]) or not HOME.fullmatch(lines["home"]):
        raise ValueError("no one unit with one home")
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
        halt=lines["halt"].replace(" ", ""),
        rpc=_rpc(_decoded(lines["status"]), _decoded(lines["votes"])),
    )


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except binascii.Error as error:
        raise ValueError("no base64") from error


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
    total = re.search(r"\} \d+/(\d+) =", rounds[0]["prevotes_bit_array"])
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


_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}


def _seconds(span: str) -> int:
    """systemd's "1min 30s" in whole seconds, rounded up; "infinity" is refused as doubt."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|min|s|h)", span)
    if "".join(number + unit for number, unit in parts) != span.replace(" ", ""):
        raise ValueError(f"no time span: {span!r}")
    return -int(-sum(float(number) * _UNITS[unit] for number, unit in parts) // 1_000_000)
