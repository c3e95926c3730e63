"""The section `sessions`: what it takes, and one clear error for each thing that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.errors import UsageError
from remediations.systems.comet.system import COMET
from remediations.systems.hosts.system import HOSTS
from remediations.systems.sessions.inventory import (
    CommandCall,
    CommandProbe,
    HttpCall,
    HttpProbe,
    Item,
    SessionsEntry,
    sessions_of,
)
from remediations.systems.sessions.steps import RESET, ResetOrder, compile_resets
from remediations.systems.sessions.system import SESSIONS

SYSTEMS = InstalledSystems(systems=(COMET, HOSTS, SESSIONS), troubles=())
WHAT = "every session of the portal ends"
CALL = '{method: POST, url: "https://x.example:8443/end?all=1", body: {b: [1, true], a: null}}'
PROBE = '{url: "https://x.example/state", pointer: /open, equals: 0}'
OUT = "ab" * 20


def text(**changes: str) -> str:
    """A section with one item; `items` and what is beside it can be replaced as well."""
    told = {"what": WHAT, "call": CALL, "probe": PROBE, **changes}
    top = {key: told.pop(key) for key in ("machine", "directory", "items") if key in told}
    item = ", ".join(f"{key}: {value}" for key, value in told.items() if value)
    whole = {
        "machine": "vault-1", "directory": "sessions", "items": f"{{portal: {{{item}}}}}", **top,
    }  # fmt: skip
    return "{" + ", ".join(f"{key}: {value}" for key, value in whole.items() if value) + "}"


def load(tmp_path: Path, section: str) -> SessionsEntry | None:
    file = tmp_path / "inventory.yaml"
    sessions = f"sessions: {section}\n" if section else ""
    file.write_text(
        f"version: 2\nchain: {{id: c-1}}\n{sessions}hosts:\n  jump: {{chain: {{role: bastion}}}}\n"
    )
    file.chmod(0o600)
    return sessions_of(load_inventory(file, SYSTEMS))


def item(tmp_path: Path, **changes: str) -> Item:
    entry = load(tmp_path, text(**changes))
    assert entry is not None
    (found,) = entry.items
    return found


def test_all_of_an_item(tmp_path: Path) -> None:
    """Files are relative to the inventory; the body is one text, whatever its order."""
    keys = f'["{OUT}"]'
    found = item(tmp_path, token_file="t", ca_file="ca.pem", keys=keys, done_within_seconds="5")
    assert found == Item(
        name="portal",
        what=WHAT,
        call=HttpCall(
            method="POST",
            url="https://x.example:8443/end?all=1",
            body='{"a":null,"b":[1,true]}',
            within_s=10,
        ),
        probe=HttpProbe(url="https://x.example/state", pointer="/open", equals="0", within_s=10),
        token_file=str(tmp_path / "t"),
        ca_file=str(tmp_path / "ca.pem"),
        done_within_s=5,
        keys=(OUT,),
    )
    assert Item.parse(found.text) == found
    assert load(tmp_path, "") is None


def test_a_command_and_a_time(tmp_path: Path) -> None:
    """Either may be asked either way."""
    found = item(
        tmp_path,
        call="{run: [/usr/sbin/reset, -a], within_seconds: 7}",
        probe="{run: [/usr/sbin/look]}",
    )
    assert found.call == CommandCall(run=("/usr/sbin/reset", "-a"), within_s=7)
    assert found.probe == CommandProbe(run=("/usr/sbin/look",), within_s=10)
    assert found.programs == ("/usr/sbin/reset", "/usr/sbin/look")
    timed = item(
        tmp_path, probe='{url: "http://[::1]:80/x", pointer: /at, at_least: began}', call=CALL
    )
    assert isinstance(timed.probe, HttpProbe)
    assert timed.probe.equals == ""


WRONG = {
    "no machine": (text(machine=""), "the key machine"),
    "machine": (text(machine='"a b"'), "a hostname"),
    "no items": (text(items="{}"), "1 to 50 items"),
    "a list": (text(items="[portal]"), "a mapping"),
    "name": (text(items="{Portal: {}}"), "small letters"),
    "strange key": (text(password="x"), "one of the keys what, call, probe"),
    "no what": (text(what=""), "the key what"),
    "short what": (text(what="all"), "in one sentence"),
    "lines": (text(what='"all of\\nit ends"'), "in one sentence"),
    "no probe": (text(probe=""), "the key probe"),
    "GET": (text(call='{method: GET, url: "https://x/"}'), "POST, PUT, PATCH or DELETE"),
    "plain": (text(call='{method: POST, url: "http://x/"}'), "http:// is for this machine alone"),
    "looks like loopback": (
        text(call='{method: POST, url: "http://127.0.0.1.evil.example/"}'),
        "http:// is for this machine alone",
    ),
    "password in it": (text(call='{method: POST, url: "https://a:b@x/"}'), "https://HOST"),
    "no host": (text(call='{method: POST, url: "https:///x"}'), "https://HOST"),
    "fragment": (text(call='{method: POST, url: "https://x/#a"}'), "https://HOST"),
    "port": (text(call='{method: POST, url: "https://x:70000/"}'), "a port from 1 to 65535"),
    "port 0": (text(call='{method: POST, url: "https://x:0/"}'), "a port from 1 to 65535"),
    "no url": (text(call="{method: POST}"), "the key url"),
    "float": (
        text(call='{method: POST, url: "https://x/", body: {a: 1.5}}'),
        "whole numbers",
    ),
    "large": (
        text(call=f'{{method: POST, url: "https://x/", body: {{a: "{"b" * 5000}"}}}}'),
        "4096 bytes",
    ),
    "shell": (text(call="{run: reset all}"), "no line for a shell"),
    "no words": (text(call="{run: []}"), "1 to 32 words"),
    "relative": (text(call="{run: [reset]}"), "absolute path"),
    "climbs": (text(call="{run: [/usr/../reset]}"), "absolute path"),
    "number": (text(call="{run: [/usr/sbin/reset, 5]}"), "a number is a text in quotes"),
    "both": (text(call='{run: [/a], method: POST, url: "https://x/"}'), "one of the keys run"),
    "pointer": (text(probe='{url: "https://x/", pointer: open, equals: 0}'), "a JSON pointer"),
    "nothing to compare": (text(probe='{url: "https://x/", pointer: /a}'), "equals: VALUE"),
    "two things to compare": (
        text(probe='{url: "https://x/", pointer: /a, equals: 0, at_least: began}'),
        "equals: VALUE",
    ),
    "time": (text(probe='{url: "https://x/", pointer: /a, at_least: today}'), "began: the time"),
    "value": (text(probe='{url: "https://x/", pointer: /a, equals: [0]}'), "a whole number"),
    "long": (
        text(probe='{url: "https://x/", pointer: /a, equals: 0, within_seconds: 11}'),
        "seconds from 1 to 10",
    ),
    "keys": (text(keys="[]"), "1 to 100 fingerprints"),
    "fingerprint": (text(keys='["AB"]'), "40 small hex digits"),
    "twice": (text(keys=f'["{OUT}", "{OUT}"]'), "each fingerprint once"),
    "token for nothing": (
        text(call="{run: [/a]}", probe="{run: [/b]}", token_file="t"),
        "a `url` in `call` or `probe`",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused(tmp_path: Path, case: str) -> None:
    """With file and line, what was found, and what is expected."""
    section, expected = WRONG[case]
    with pytest.raises(UsageError) as refusal:
        load(tmp_path, section)
    assert expected in refusal.value.expected, refusal.value.expected
    assert refusal.value.guard == "inventory"
    assert "inventory.yaml:3" in refusal.value.what


def test_the_bytes_of_a_step(tmp_path: Path) -> None:
    """They say what is called in one line, then all of it; and are read back."""
    found = item(tmp_path, token_file="t")
    data = {
        "machine": "vault-1", "item": found.text, "programs": "none", "fingerprint": OUT,
        "since": "1796019000",
    }  # fmt: skip
    (step,) = compile_resets(RESET, {"session/portal": data})["session/portal"]
    assert step.payload.startswith(f"reset portal: {WHAT} (POST https://x.example:8443/end?all=1)")
    order = ResetOrder.parse(step.payload)
    assert (order.item, order.since, dict(order.programs)) == (found, 1_796_019_000, {})
    for other in ("", "x", step.payload.replace("POST https", "GET https"), "x\n[]", "x\n{}"):
        with pytest.raises(ValueError, match=r"not the payload|not a|malformed|Expecting"):
            ResetOrder.parse(other)
    with pytest.raises(UsageError):
        compile_resets("other", {})


def test_programs_stand_in_the_bytes_with_their_hashes(tmp_path: Path) -> None:
    """By which they are compared right before they run."""
    found = item(tmp_path, call="{run: [/a]}", probe="{run: [/b]}")
    data = {
        "machine": "vault-1", "item": found.text, "fingerprint": OUT, "since": "1",
        "programs": f"/a sha256 {'0' * 64}; /b sha256 {'1' * 64}",
    }  # fmt: skip
    (step,) = compile_resets(RESET, {"x": data})["x"]
    assert ResetOrder.parse(step.payload).programs == {"/a": "0" * 64, "/b": "1" * 64}
