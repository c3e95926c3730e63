"""Golden vectors: declared inputs with known answers, of one model.

    model: 1f3c…            # the model's hash by the loader's own rule (64 hex digits)
    form: float32           # how answers are compared: text (default) or float32
    vectors:
      - name: low
        request: '{"instances":[[0.25,0.5]]}'
        answer: '{"predictions":[0.48046374]}'
      - name: high
        request: '{"instances":[[0.75,0.5]]}'
        bits: [3f4ccccd]    # instead of `answer`: the bit patterns of the predictions

Requests and answers are texts: YAML would make floats of numbers, and lose bits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from remediations.engine.observe.inventory_file import read_file
from remediations.errors import UsageError
from remediations.systems.scorer.answers import (
    AnswerError,
    AnswerForm,
    bits_answer,
    canonical_answer,
)
from remediations.systems.scorer.values import GoldenVector, GoldenVectors

if TYPE_CHECKING:
    from remediations.engine.observe.inventory_table import InventoryTable

MODEL_HASH = re.compile("[0-9a-f]{64}")
VECTOR_NAME = re.compile("[a-z0-9][a-z0-9._-]{0,31}")
MOST_VECTORS = 16
REQUEST_BYTES = 32_768
ALL_BYTES = 131_072
"""Of all requests together: they are sent to every host with each look."""
_PIN = "the model's hash by the loader's rule: 64 lower-case hex digits"


def load_vectors(path: Path) -> GoldenVectors:
    """The vectors in a file that nobody else could have written.

    Raises:
        UsageError: it cannot be read, has no vectors or too many, or one of them is malformed.
    """
    try:
        root, _ = read_file(path)
        root.keys(required=("model", "vectors"), optional=("form",))
        form = root.choice("form", AnswerForm) if "form" in root else AnswerForm.TEXT
        vectors = tuple(_vectors(path, root, form))
        model = root.text("model", MODEL_HASH, _PIN)
    except UsageError as error:
        raise UsageError(
            error.what.replace("the inventory", "the golden vectors"),
            guard="golden vectors",
            got=error.got,
            expected=error.expected,
            next_step=f"correct {path} (docs/scoring.md#golden-vectors has an example)",
        ) from error
    return GoldenVectors(model=model, form=form, vectors=vectors)


def _vectors(path: Path, root: InventoryTable, form: AnswerForm) -> Iterator[GoldenVector]:
    from remediations.engine.observe.inventory_table import InventoryTable

    listed = root.content["vectors"]
    if not isinstance(listed, CommentedSeq) or not listed:
        raise root.wrong("vectors", "a list with at least one vector")
    if len(listed) > MOST_VECTORS:
        raise root.wrong("vectors", f"at most {MOST_VECTORS} vectors", f"{len(listed)} vectors")
    names: set[str] = set()
    left = ALL_BYTES
    for entry in listed:
        if not isinstance(entry, CommentedMap):
            raise root.wrong("vectors", "vectors, each a mapping with name, request and answer")
        table = InventoryTable(path, entry)
        vector = _vector(table, form)
        if vector.name in names:
            raise table.wrong("name", "another name for each vector")
        names.add(vector.name)
        left -= len(vector.request)
        if left < 0:
            raise table.wrong("request", f"at most {ALL_BYTES} bytes of requests in all", "more")
        yield vector


def _vector(table: InventoryTable, form: AnswerForm) -> GoldenVector:
    table.keys(required=("name", "request"), optional=("answer", "bits"))
    if ("answer" in table) == ("bits" in table):
        raise table.complaint("answer and bits, or neither", "one of answer and bits")
    return GoldenVector(
        name=table.text("name", VECTOR_NAME, "a word of small letters, digits, dots and dashes"),
        request=_request(table),
        answer=_answer(table, form),
    )


def _request(table: InventoryTable) -> str:
    text, expected = table.content["request"], "the request's JSON, as a text in quotes"
    if not isinstance(text, str):
        raise table.wrong("request", expected)
    if len(text.encode()) > REQUEST_BYTES:
        raise table.wrong("request", f"at most {REQUEST_BYTES} bytes", f"{len(text)} characters")
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise table.wrong("request", expected) from error
    return str(text)


def _answer(table: InventoryTable, form: AnswerForm) -> str:
    try:
        if "answer" in table:
            text = table.content["answer"]
            if not isinstance(text, str):
                raise table.wrong("answer", "the answer's JSON, as a text in quotes")
            return canonical_answer(text, form)
        bits = table.content["bits"]
        if form is not AnswerForm.FLOAT32 or not isinstance(bits, list):
            raise table.wrong("bits", "a list, and `form: float32` at the top")
        return bits_answer([str(one) for one in bits])
    except AnswerError as error:
        key = "answer" if "answer" in table else "bits"
        raise table.wrong(key, "an answer that can be compared", str(error)) from error
