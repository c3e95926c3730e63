"""Markdown as a strict reader takes it: the parser of CommonMark, with tables and strikethrough.

What GitHub looks for in rendered text, outside code, is looked for by hand: bare addresses, mail,
mentions, references, hashes, emoji, math (GFM; "Autolinked references and URLs").
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

LIVE = re.compile(
    r"https?://|ftp://|\bwww\.\w|\bmailto:|\bxmpp:"
    r"|[\w.+-]+@[\w-]+\.\w|(?<!\w)@\w|\w@[0-9a-f]{7}"
    r"|(?<!\w)#\d|\w#\d|\bGH-\d|(?<!\w)[!~%&]\d"
    r"|\b[0-9a-f]{7,40}\b"
    r"|:(?!\d\d:)[\w+-]+:"
    r"|\$[^$]+\$",
    re.IGNORECASE,
)
PLAIN = {"text", "text_special", "code_inline"}


def tokens(source: str) -> Iterator[Token]:
    """All of them, those inside paragraphs and cells too."""
    for token in PARSER.parse(source):
        yield token
        yield from token.children or ()


def structure(source: str) -> list[tuple[str, str, str]]:
    """What the document consists of, whatever its texts say."""
    return [
        (token.type, token.tag, token.info)
        for token in tokens(source)
        if token.type not in PLAIN and token.type not in ("strong_open", "strong_close")
    ]


def strong(source: str) -> int:
    """How many texts are stressed."""
    return sum(token.type == "strong_open" for token in tokens(source))


def texts(source: str) -> list[str]:
    """Every paragraph, cell and title, as it is read."""
    return [
        "".join(child.content for child in token.children or () if child.type in PLAIN)
        for token in PARSER.parse(source)
        if token.type == "inline"
    ]


def read(source: str) -> str:
    """The whole document as it is read."""
    fenced = [token.content for token in PARSER.parse(source) if token.type == "fence"]
    return "\n".join((*texts(source), *fenced))


def live(source: str) -> list[str]:
    """What would become a link, a mention, a reference, a picture or math."""
    found = []
    for token in PARSER.parse(source):
        outside = "".join(
            child.content if child.type != "code_inline" else "\0" for child in token.children or ()
        )
        found += LIVE.findall(outside)
    return found
