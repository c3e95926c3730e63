"""What a host prints is masked and read at a cost that grows with its length, not its square."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.growth import grows_at_most
from tests.property.hostile import TEXTS, document, filled
from tests.property.mutations import examples
from tests.property.test_hostile_documents import read
from tests.readings import LIMITS
from tests.unit.observe.test_secrets import masked

GENERATED, TIMES = 60_000, 4
LONGEST_LINE, SHORT_LINE, LINES = 4096, 256, 200


@given(st.data())
@examples(60)
def test_reading_grows_with_the_text(data: st.DataObject) -> None:
    """Any beginning, any repetition, any end, in any section: four times the text costs less than
    ten times as much; a square would be 16 times."""
    name = data.draw(st.sampled_from(sorted(TEXTS)))
    words = [part for text in TEXTS[name] for part in text]
    word = st.one_of(st.sampled_from(words), st.binary(max_size=6))
    unit = data.draw(word.filter(bool))
    text = (data.draw(word)[:500], unit[:500], data.draw(word)[:500])
    size = min(LIMITS[name], GENERATED)
    less, more = (document({name: filled(text, length)}) for length in (size // TIMES, size))
    assert grows_at_most(lambda: read(less), lambda: read(more), 2.5 * TIMES)


@pytest.mark.parametrize(
    "unit", ["key", "a", "aaa ", "password", "--", "://", "://a", "pass ", "bearer ", "token="]
)
def test_masking_grows_with_the_text(unit: str) -> None:
    """As many bytes in lines as long as they may be cost less than four times what they cost in
    short ones; a square of the line would be 16 times."""

    def lines(length: int) -> str:
        return "\n".join([(unit * length)[:length]] * (LINES * LONGEST_LINE // length))

    short, long = lines(SHORT_LINE), lines(LONGEST_LINE)
    assert grows_at_most(lambda: masked(short), lambda: masked(long), 4)
