"""known_hosts and ssh_config, whatever stands in them: keys and settings, or a refusal that names
the option.
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
from functools import cache
from pathlib import Path

import asyncssh
from hypothesis import given
from hypothesis import strategies as st

from remediations.machine.config import MachineConfig
from remediations.machine.programs import SSH, Program, load_program
from remediations.reach.connection import HostUnreachable
from remediations.reach.known_hosts import KnownKeys
from remediations.reach.resolver import SshResolver
from remediations.reach.settings import parse_settings
from remediations.reach.ssh_config import read_ssh_config
from tests.allowed import raises_only
from tests.property.mutations import examples

HOSTS = ("a", "b.example", "192.0.2.1", "é")
PORTS = (None, 2222)
NAMES = """a b.example * *.example ?.example !a a,b,!a [a]:2222 [*]:2222 |1|YQ==|YQ== |1|é|x |1|a|b
|1| |2|a|b | |||| # @revoked @cert-authority @unknown é 192.0.2.*"""
KINDS = """ssh-ed25519 ssh-rsa ssh-dss ecdsa-sha2-nistp256 ecdsa-sha2-nistp521 ssh-ed448 ssh-new
sk-ssh-ed25519@openssh.com ssh-ed25519-cert-v01@openssh.com x509v3-ssh-rsa"""
OPTIONS = """hostname user hostkeyalias userknownhostsfile globalknownhostsfile identityfile
certificatefile identityagent identitiesonly proxyjump proxycommand connecttimeout addressfamily
serveraliveinterval requiredrsasize preferredauthentications pubkeyauthentication ciphers macs
kexalgorithms hostkeyalgorithms pubkeyacceptedalgorithms revokedhostkeys pkcs11provider"""
VALUES = (
    """none yes no 0 -1 22 99999999 ٣ ² 1e3 any inet ~ ~/x %d/x %q % %% ${HOME} ${NO} $NO a,b
a@b:22 [::1]:22 /dev/null é -x publickey aes256-ctr,none """
    + "x" * 300
)


@cache
def ssh() -> Program:
    """The ssh of this machine."""
    return load_program(MachineConfig().ssh, SSH)


@cache
def key() -> str:
    """A public key of a kind that everybody knows."""
    return asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[1]


@st.composite
def blobs(draw: st.DrawFn) -> str:
    """A key, a key with some bytes exchanged, or none."""
    whole = base64.b64decode(key())
    at, other = draw(st.integers(0, len(whole))), draw(st.binary(max_size=5))
    spoilt = whole[:at] + other + whole[at + len(other) :]
    data = draw(st.sampled_from((whole, spoilt, spoilt[:at], other)))
    return base64.b64encode(data).decode()


lines = st.one_of(
    st.tuples(
        st.sampled_from(("", "@revoked", "@cert-authority")), st.sampled_from(NAMES.split())
    ).flatmap(lambda head: st.tuples(*map(st.just, head), st.sampled_from(KINDS.split()), blobs())),
    st.lists(
        st.sampled_from((*NAMES.split(), *KINDS.split())) | blobs() | st.text(max_size=5),
        max_size=5,
    ),
).map(" ".join)


@given(st.lists(lines, max_size=5).map("\n".join))
@examples(200)
def test_any_known_hosts_is_searched(text: str) -> None:
    """A line that is none is passed over; the good one beside it still counts."""
    found = KnownKeys(text)
    for host in HOSTS:
        for port in PORTS:
            found.match(host, "", port)
    plain, *_ = KnownKeys(f"{text}\nonly.here ssh-ed25519 {key()}").match("only.here", "", None)
    assert key() in {one.export_public_key().decode().split()[1] for one in plain}


option_lines = st.tuples(
    st.sampled_from(OPTIONS.split()), st.sampled_from(VALUES.split()) | st.text(max_size=6)
).map(" ".join)


@given(st.lists(option_lines | st.text(max_size=12), max_size=6).map("\n".join))
@examples(150)
def test_what_ssh_prints_is_settings_or_a_refusal(text: str) -> None:
    """Any value of any option that is read here."""
    with raises_only(HostUnreachable):
        assert parse_settings("val1", text, ("val1",)).alias == "val1"


@given(st.lists(option_lines | st.text(max_size=12), max_size=3).map("\n".join))
@examples(20)
def test_any_ssh_config_is_settings_or_a_refusal(text: str) -> None:
    """Put to the real `ssh -G`."""
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "config"
        config.write_text(text)
        resolver = SshResolver(ssh=ssh(), config=read_ssh_config(str(config)))
        with raises_only(HostUnreachable):
            asyncio.run(resolver.settings("val1"))
