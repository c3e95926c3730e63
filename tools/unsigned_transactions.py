#!/usr/bin/env python3
"""Writes the unsigned transactions of a plan to files, and says how each is signed.

    remediate show RUN --json >plan.json
    python3 unsigned_transactions.py plan.json [DIRECTORY]

Stand-alone (standard library only), so that it runs where the key is and nothing is installed. Of
each transaction it computes anew what is signed, from the bytes in the plan, and refuses where that
is not what the plan says. Of an account with several members it writes the command of each member,
and the one that puts their signatures together.

Exit codes: 0 written · 2 not a plan with transactions, or a file is there already · 4 the plan
contradicts itself.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DRIVER = "transaction"
MOST_BYTES = 64 * 1024 * 1024


def main(arguments: list[str]) -> int:
    """Write them; the exit code."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    directory = Path(arguments[1] if len(arguments) == 2 else ".")
    try:
        steps = transactions(json.loads(Path(arguments[0]).read_bytes()[:MOST_BYTES]))
        for step in steps:
            digest = hashlib.sha256(signed_bytes(step)).hexdigest()
            if digest != step["sign_doc_sha256"]:
                sys.stderr.write(
                    f"{step['name']}: the plan says {step['sign_doc_sha256']}, its bytes are "
                    f"{digest}\n"
                )
                return 4
        for step in steps:
            target = directory / f"unsigned-{step['sign_doc_sha256'][:16]}.json"
            with target.open("x") as file:
                file.write(step["unsigned"])
            sys.stdout.write(f"{told(step, target)}\n")
    except (OSError, KeyError, TypeError, ValueError) as error:
        sys.stderr.write(f"not a plan with transactions: {type(error).__name__}: {error}\n")
        return 2
    return 0


def transactions(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What the steps of a plan send, in order.

    Raises:
        KeyError, TypeError, ValueError: it is no plan, or sends nothing.
    """
    plan = document.get("result", document)
    plan = plan.get("plan", plan)
    steps = [step for stage in plan["stages"] for step in stage["steps"]]
    found = [json.loads(s["payload"].partition("\n")[2]) for s in steps if s["driver"] == DRIVER]
    if not found:
        raise ValueError("no step sends a transaction")
    return found


def signed_bytes(step: dict[str, Any]) -> bytes:
    """What is signed: by one key directly, by members a text.

    Raises:
        ValueError: the text says something else than the plan.
    """
    if "sign_doc" not in step:
        return sign_doc(step)
    tree = json.loads(step["sign_doc"])
    same = ("chain_id", "account_number", "sequence", "memo", "timeout_height")
    differing = [name for name in same if tree.get(name) != step[name]]
    if tree["fee"] != {"amount": fee(step), "gas": step["gas"]}:
        differing.append("fee")
    if [one["value"] for one in tree["msgs"]] != [flat(one) for one in step["messages"]]:
        differing.append("messages")
    if differing:
        raise ValueError(f"what members sign differs from the plan in {', '.join(differing)}")
    return str(step["sign_doc"]).encode()


def fee(step: dict[str, Any]) -> list[dict[str, str]]:
    """The fee of the plan, as it stands in the text that members sign."""
    amount = step["fee"]
    digits = len(amount) - len(amount.lstrip("0123456789"))
    return [{"amount": amount[:digits], "denom": amount[digits:]}] if amount else []


def flat(message: dict[str, Any]) -> dict[str, Any]:
    """A message without its name, and without what is empty: so it stands in that text."""
    inner = [one["value"] if "value" in one else flat(one) for one in message.get("msgs", [])]
    plain = {k: v for k, v in message.items() if k not in {"@type", "msgs"} and v not in {"", "0"}}
    return {**plain, "msgs": inner} if inner else plain


def sign_doc(step: dict[str, Any]) -> bytes:
    """What is signed directly: body, auth info, chain id and account number."""
    body, auth_info = (bytes.fromhex(step[key]) for key in ("body_bytes", "auth_info_bytes"))
    number = int(step["account_number"])
    return (
        field(0x0A, body)
        + field(0x12, auth_info)
        + field(0x1A, step["chain_id"].encode())
        + (b"\x20" + varint(number) if number else b"")
    )


def field(tag: int, content: bytes) -> bytes:
    """A field with its length."""
    return bytes([tag]) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """A number as Protocol Buffers write it."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def told(step: dict[str, Any], path: Path) -> str:
    """What it is, and the commands that sign it."""
    inner = [two for one in step["messages"] for two in (one, *one.get("msgs", []))]
    names = ", ".join(one["@type"] for one in inner)
    ways = "\n  ".join(members(step, path) if "members" in step else [*alone(step, path)])
    return (
        f"{path}: {names}\n  memo: {step['memo']}\n  {ways}\n  then put the result at "
        f"{step['signed_file']} of the directory that the inventory names"
    )


def alone(step: dict[str, Any], path: Path) -> Iterator[str]:
    """How one key signs it."""
    yield f"sign it where the key of {step['name']} is, and read it before:"
    yield f"virtengined tx sign {shlex.quote(str(path))} --from {step['account']} {where(step)}"


def members(step: dict[str, Any], path: Path) -> Iterator[str]:
    """How its members sign it, and how their signatures are put together."""
    threshold = step["public_key"].partition(" ")[0]
    file, stem = shlex.quote(str(path)), f"signature-{step['sign_doc_sha256'][:16]}"
    yield f"{threshold} of its members sign it, each where their key is, and read it before:"
    for name in step["members"]:
        own = where(step, f"{stem}-{name}.json")
        yield f"virtengined tx sign {file} --from {name} --multisig {step['account']} {own}"
    files = " ".join(f"{stem}-{name}.json" for name in step["members"][: int(threshold)])
    yield "put together, with the files of those who have signed:"
    yield f"virtengined tx multi-sign {file} {step['keyring']} {files} {where(step)}"


def where(step: dict[str, Any], output: str = "") -> str:
    """The words that every command has."""
    return (
        f"--chain-id {step['chain_id']} --offline --account-number {step['account_number']} "
        f"--sequence {step['sequence']} "
        f"--output-document {output or step['signed_file'].rpartition('/')[2]}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
