"""Any YAML is an inventory with hosts, or a usage error that names the file."""

from __future__ import annotations

import re
import tempfile
import warnings
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.errors import UsageError
from remediations.values.inventory import Inventory
from remediations.values.wire import canonical, decode
from tests.allowed import raises_only
from tests.property.mutations import examples
from tests.unit.cli.desk import INVENTORY

CHAINED = "{a: {chain: {role: full}}}"
HEAD = "version: 1\nchain: {id: a-1}\n"
BOMB = ", ".join(["&a0 [1]", *(f"&a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])
"""Eleven aliases of aliases: thirty thousand million ones, were they written out."""

TAGS = """binary int float timestamp set omap pairs merge null bool seq map
python/object:os.system"""
MARKS = r"""{ } [ ] - : ? , ' " ~ = # @ ` | > & * &x *x <<: <<:*x --- ... 2001-99-99 0x 0o9 0b2 -.
"\x" 1_000 1:60:60 1e999 .inf .nan 2001-01-01T99:99:99Z "\UFFFFFFFF" a full {role:full} {{chain}}
!foo"""
fragments = st.one_of(
    st.sampled_from([f"!!{tag} " for tag in TAGS.split()]),
    st.sampled_from(MARKS.split()),
    st.sampled_from(
        ("\n", "  ", "%YAML 1.1\n---\n", "%YAML 9.9\n---\n", "%TAG ! x\n", "\t", "\r\n")
    ),
    st.sampled_from(("\ufeff", "\x00", "\x1b[2J", "\x85", "\u2028", "\ud800", "💥", "é" * 100)),
    st.sampled_from(("9" * 5000, "[" * 3000, "- " * 3000, "{a: " * 3000, "a: " * 50, "? " * 500)),
    st.text(max_size=3),
)
NEWEST = """\
version: 2
chain: {id: worlds-1, halted_after_seconds: 60}
ssh: {config: ssh_config}
hosts:
  val1: {chain: {role: validator}}
  full1:
    ssh: full-one
    chain: {role: full, unit: virtengine.service, home: /srv/node}
"""
ONES = ("1", "a", "full", "{role: full}", "!!binary aGk=", "!!set {a, b}", "!!omap [a: 1]", "*x")
OTHERS = ("2001-01-01", "~", "1.5", "yes", "&x {role: full}", "0x" + "f" * 5000, "{{ chain }}")
values = st.recursive(
    st.sampled_from((*ONES, *OTHERS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.lists(
            st.tuples(
                inner | st.sampled_from(("<<", "role", "id", "ssh", "chain", "config")), inner
            ),
            max_size=3,
        ).map(lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"),
    ),
    max_leaves=6,
)
tables = st.lists(
    st.tuples(
        st.sampled_from(("version", "chain", "hosts", "ssh", "allowed_signers", "<<", "x: &x")),
        values | st.sampled_from(("1", "2", "{id: a-1}", "{a: {role: full}}", CHAINED)),
    ),
    max_size=6,
).map(lambda pairs: "\n".join(f"{key}: {value}" for key, value in pairs))


@st.composite
def spoilt_texts(draw: st.DrawFn) -> str:
    """A good inventory with something else in one place, mostly in that of a value."""
    good = draw(st.sampled_from((INVENTORY, NEWEST)))
    begin, end = draw(
        st.sampled_from([match.span() for match in re.finditer(r"(?<=: )[^\s{}]+", good)])
        | st.integers(0, len(good)).map(lambda at: (at, at))
        | st.integers(0, len(good)).map(lambda at: (at, len(good)))
    )
    between = "".join(draw(st.lists(fragments, max_size=3)))
    text = good[:begin] + between + good[end:]
    return text.replace("\n", "\r\n") if draw(st.integers(0, 9)) == 0 else text


def attempt(data: bytes) -> None:
    """An inventory that can be used and saved, or a usage error; nothing is printed beside it."""
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("error")
        path = Path(directory) / "lab.yaml"
        path.write_bytes(data)
        with raises_only(UsageError):
            inventory = load_inventory(path)
            assert inventory.hosts
            assert decode(canonical(inventory), Inventory) == inventory
            inventory_digest(inventory)


@given(st.one_of(st.lists(fragments, max_size=8).map("".join), spoilt_texts(), tables))
@example(HEAD + "hosts: {{ hosts }}\n")
@example(HEAD + "hosts:\n  a:\n    <<: {role: nobody}\n")
@example("<<: {nothing: 1, version: 1}\n" + HEAD)
@example(f"version: [{BOMB}]\nchain: 1\nhosts: 1\n")
@example(f"version: 0x{'f' * 5000}\nchain: 1\nhosts: 1\n")
@example(HEAD + "hosts: {a: &x {role: full}, b: &x {role: full}}\n")
@example("[" * 200_000)
@example("!!bool 7")
@example("!!int ")
@example("%YAML 9.9\n---\n" + HEAD)
@example('"\\UFFFFFFFF"')
@example(HEAD + "hosts: !!set a\n")
@examples(200)
def test_a_text_is_an_inventory_or_refused(text: str) -> None:
    """Tags, merges, aliases of aliases, unfilled templates, deep nesting."""
    attempt(text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=60), st.sampled_from((b"", b"\xef\xbb\xbf", b"\xff\xfe")))
@examples(50)
def test_bytes_are_an_inventory_or_refused(data: bytes, mark: bytes) -> None:
    """Of any encoding, alone or behind a good inventory."""
    attempt(mark + data)
    attempt(mark + INVENTORY.encode() + data)
