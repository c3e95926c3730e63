"""Documents that are made to keep a reader busy or to fill its memory."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Iterator, Mapping

from tests.property.test_readers_answers import SECTIONS, printed
from tests.readings import LIMITS

BEGIN = b'{"remediate_probe":1,"began":0,'
END = b'"ended":1}'
ROUND = (
    b'{"result":{"round_state":{"height/round/step":"1/0/1","start_time":"2026-11-25T12:00:04Z",'
    b'"proposal_block_hash":"","height_vote_set":[{"round":0,"prevotes":[%b],"precommits":[],'
    b'"prevotes_bit_array":"%b","precommits_bit_array":""}]}}}'
)
VALIDATOR = b'{"address":"' + b"A" * 40 + b'","voting_power":1}'
SIGNATURE = b'{"block_id_flag":1,"validator_address":""}'
PEER = b'{"node_info":{"id":"%b","network":"","moniker":""},"is_outbound":true,"remote_ip":""}' % (
    b"a" * 40
)
DUMPED = b'{"node_address":"%b@","peer_state":{"round_state":{"height":1,"round":1,"step":1}}}' % (
    b"a" * 40
)
LINE = b"1764086400.123456 h v[1]: x\n"

TEXTS: Mapping[str, tuple[tuple[bytes, bytes, bytes], ...]] = {
    "show": (
        (b"Id=x\nExecStart=", b"{ path=", b""),
        (b"Id=x\nExecStart=", b"{ path= ; argv[]=", b""),
        (b"TimeoutStopUSec=", b"1s ", b""),
        (b"ActiveEnterTimestamp=", b"Wed ", b""),
        (b"MainPID=", b"9", b""),
    ),
    "processes": ((b"", b"1 S 5 /b\n", b""), (b"", b" ", b"")),
    "config": (
        (b"a", b".a", b"=1"),
        (b"[a", b".a", b"]"),
        (b"", b"a=1\n", b""),
        (b"", b"[a]\n", b""),
        (b'p = "', b"\\", b'"'),
        (b"p = [", b"[", b""),
    ),
    "disk": ((b"a\n1 2 3 4 /x\n", b"x \\040 rw\n", b""), (b"a\n", b"1 ", b"")),
    "ownership": ((b"", b"x\n", b""), (b"", b"x", b"")),
    "wal": ((b"", b"1\n", b""), (b"", b"9", b"")),
    "journal": (
        (b"", LINE, b""),
        (b"1764086400.123456 h ", b"v", b""),
        (b"1764086400.123456 h ", b"v ", b""),
        (b"", b"\x1b[", b""),
        (b"\x1b[", b"0", b""),
    ),
    "status.1": ((b"", b"[", b""), (b'{"result":{"sync_info":{"x":', b"9", b"}}}")),
    "round.1": (
        (ROUND.split(b"%b")[0] + b'"x"', b',"nil-Vote"', ROUND.split(b"%b")[1] + b'"}]}}}'),
        (ROUND.split(b"%b")[0] + b'"x"', b',"Vote{1: "', ROUND.split(b"%b")[1] + b'"}]}}}'),
        (ROUND % (b"", b"BA{1:") + b"", b"_", b""),
        (b'{"result":{"round_state":{"start_time":"', b"1", b'"}}}'),
    ),
    "validators": (
        (
            b'{"result":{"block_height":1,"total":9,"validators":[' + VALIDATOR,
            b"," + VALIDATOR,
            b"]}}",
        ),
        (b"{}", b"\n{}", b""),
        (b"", b"[", b""),
        (b"", b'{"a":', b""),
        (b'{"result":{"x":[{}', b",{}", b"]}}"),
        (b'{"result":{"total":"', b"9", b'"}}'),
        (b'{"result":{"total":', b"9", b"}}"),
    ),
    "peers": ((b'{"result":{"peers":[' + PEER, b"," + PEER, b"]}}"),),
    "dump": ((b'{"result":{"peers":[' + DUMPED, b"," + DUMPED, b"]}}"),),
    "commit": (
        (
            b'{"result":{"signed_header":{"commit":{"height":1,"round":1,"signatures":['
            + SIGNATURE,
            b"," + SIGNATURE,
            b"]}}}}",
        ),
    ),
    "result": (
        (b'{"result":{"height":1,"app_hash":"', b"A", b'"}}'),
        (b'{"error":{"message":"', b"A", b'"}}'),
    ),
    "sign_state": (
        (b"", b"[", b""),
        (b'{"height":"', b"1", b'"}'),
        (b'{"height":"1","round":0,"step":1,"signbytes":"', b"F", b'"}'),
    ),
}
"""Section → texts as beginning, what is repeated to the section's limit, and end."""


def filled(text: tuple[bytes, bytes, bytes], limit: int) -> bytes:
    """A text of `limit` bytes, or a little less."""
    begin, unit, end = text
    return begin + unit * ((limit - len(begin) - len(end)) // len(unit)) + end


def document(texts: Mapping[str, bytes]) -> bytes:
    """What a probe would print, with some sections replaced."""
    parts = {name: (data, 0) for name, data in {**SECTIONS, **texts}.items()}
    return printed(parts, 0, 1)


def section(data: bytes) -> bytes:
    """One member of a document, without its name."""
    packed = base64.b64encode(gzip.compress(data)).decode()
    return json.dumps({"b64": packed, "rc": 0, "err": "", "at": 0, "us": 1}).encode()


def bombs() -> Iterator[tuple[str, bytes]]:
    """Whole documents, by what is in them."""
    zeros = section(bytes(7_900_000))
    for name, texts in TEXTS.items():
        for number, text in enumerate(texts):
            yield f"{name} {number}", document({name: filled(text, LIMITS[name])})
    longest = {name: filled(texts[0], LIMITS[name]) for name, texts in TEXTS.items()}
    longest["round.2"] = longest["round.1"]
    yield "all sections at once", document(longest)
    yield "2000 unknown sections", _framed(b'"x%d":%b,' % (n, zeros) for n in range(2000))
    yield "one section 2000 times", _framed(b'"validators":%b,' % zeros for _ in range(2000))
    yield "two million names", _framed(b'"x%d":0,' % n for n in range(2_000_000))
    yield "a gigabyte in one", _framed([b'"validators":%b,' % section(bytes(1 << 30))])
    yield "depth", BEGIN + b'"key":' + b"[" * 20_000_000
    yield "depth of objects", BEGIN + b'"x":' + b'{"a":' * 4_000_000
    yield "what cannot be packed", document({"validators": os.urandom(17_000_000)})
    yield "digits", b'{"remediate_probe":1,"began":' + b"9" * 23_000_000 + b"," + END
    yield "marks", b'{"remediate_probe":1,' * 1_100_000
    yield "complaint", BEGIN + b'"key":{"err":"' + b"A" * 23_000_000 + b'"},' + END


def _framed(members: Iterator[bytes] | list[bytes]) -> bytes:
    return BEGIN + b"".join(members) + END
