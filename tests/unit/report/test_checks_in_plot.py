"""The checks in the plots: where the run ended, and when each check passed or failed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.engine.apply.look import Point, Sample, Sight
from remediations.engine.report.html import report_html
from remediations.engine.report.plot import series_plots
from remediations.engine.report.plot_checks import STRIP
from remediations.engine.report.plot_frame import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH
from remediations.engine.report.report import Report
from remediations.engine.report.verification import Proof, Verification
from remediations.engine.runs.records import CheckEnded
from remediations.engine.verify.result import CheckOutcome
from tests import worlds
from tests.hostile import each_hostile
from tests.unit.report.journal import report
from tests.unit.run.events import check_ended

SVG = "{http://www.w3.org/2000/svg}"
PASSED, FAILED, UNKNOWN = CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.UNKNOWN


def look(second: float, height: int | None) -> Sample:
    point = Point(series="height", subject="a", value=height)
    at = worlds.BEGAN + timedelta(seconds=second)
    return Sample(at=at, sight=Sight(headline="", points=(point,)))


def done(check: str, second: float, outcome: CheckOutcome = PASSED, host: str = "") -> CheckEnded:
    return check_ended(check, outcome, worlds.BEGAN + timedelta(seconds=second), host)


def proof(*checks: CheckEnded, ended: float = 20, samples: Sequence[Sample] = ()) -> Proof:
    """Of a run that ended after ten seconds; its checks ran from the twelfth."""
    verification = Verification(
        began=worlds.BEGAN + timedelta(seconds=12),
        ended=worlds.BEGAN + timedelta(seconds=ended),
        state="unverified",
        message="",
        checks=checks,
    )
    run_ended = worlds.BEGAN + timedelta(seconds=10)
    return Proof(run_ended=run_ended, verification=verification, samples=tuple(samples))


def drawn(found: Proof | None, of_run: Sequence[Sample] = (look(0, 5), look(10, 9))) -> ET.Element:
    ((_, plot),) = series_plots(of_run, found)
    return ET.fromstring(plot)


def x(second: float, of: float = 20) -> float:
    """Where a second lies, of so many."""
    return LEFT + second / of * (WIDTH - LEFT - RIGHT)


def with_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [one for one in root.iter() if name in (one.get("class") or "").split()]


def strip(root: ET.Element) -> list[tuple[str, str]]:
    """What is said above the plot, and how it is stressed."""
    return [
        (text.text or "", text.get("class") or "")
        for text in root.iter(f"{SVG}text")
        if float(text.get("y", 0)) < 0
    ]


def desc(root: ET.Element) -> str:
    return root.findtext(f"{SVG}desc") or ""


def test_the_time_goes_on_to_the_end_of_the_checks() -> None:
    """Also where the last look was before it: the line ends there, the axis does not."""
    root = drawn(proof(done("P1", 16), samples=[look(14, 12)]))
    (line,) = (one for one in with_class(root, "line0") if one.tag == f"{SVG}polyline")
    last = re.split(r"[ ,]+", line.get("points", "").strip())[-2]
    assert float(last) == pytest.approx(x(14), abs=0.1)
    ticks = [text.text for text in root.iter(f"{SVG}text") if (text.text or "").endswith(" s")]
    assert ticks[-1] == "20 s"


def test_run_and_checks_are_distinguished_without_colour() -> None:
    """A line where the run ended, both named; the time of the checks is shaded."""
    root = drawn(proof(done("P1", 16)))
    (line,) = with_class(root, "phase")
    assert float(line.get("x1", 0)) == pytest.approx(x(10), abs=0.1)
    (shade,) = with_class(root, "checks")
    left = float(shade.get("x", 0))
    assert left == pytest.approx(x(12), abs=0.1)
    assert left + float(shade.get("width", 0)) == pytest.approx(WIDTH - RIGHT, abs=0.1)
    assert [text for text, _ in strip(root)][:2] == ["run", "checks"]


def test_each_check_has_its_moment_and_failures_another_sign() -> None:
    """A tick for what passed, a cross for what did not, at the time of its last host."""
    checks = (done("P1", 13), done("P2", 13, host="a"), done("P2", 16, FAILED, "b"))
    root = drawn(proof(*checks, done("P3", 20, UNKNOWN)))
    moments = with_class(root, "moment")
    places = [float(one.get("x1", 0)) for one in moments]
    assert places == pytest.approx([x(13), x(16), x(20)], abs=0.1)
    assert [one.get("class") for one in moments] == ["moment good", "moment bad", "moment bad"]
    assert strip(root)[2:] == [("P1", "good"), ("P2", "bad"), ("P3", "bad")]
    signs = [(one.tag.removeprefix(SVG)) for one in with_class(root, "sign")]
    assert signs == ["polyline", "line", "line", "line", "line"]


def test_moments_that_cannot_be_distinguished_share_a_line() -> None:
    """Fifteen checks that only judge what was read end at once; a failed one keeps its own."""
    many = [done(f"P{n}", 15 + n / 1000) for n in range(1, 15)]
    root = drawn(proof(*many, done("P15", 15.016, FAILED), done("P16", 18)))
    kinds = [one.get("class") for one in with_class(root, "moment")]
    assert kinds == ["moment good", "moment bad", "moment good"]


def test_labels_that_would_cover_each_other_share_one() -> None:
    """What failed is named first; the description has all."""
    many = [done(f"P{n}", 15 + n / 100) for n in range(1, 9)]
    assert strip(drawn(proof(*many)))[2:] == [("P1 and 7 more", "good")]
    spoilt = [*many[:-1], done("P8", 15.08, FAILED)]
    root = drawn(proof(*spoilt))
    assert strip(root)[2:] == [("P8", "bad")]
    assert "P1, P2, P3, P4 passed at 15.0 s; P5, P6, P7 passed at 15.1 s; P8 failed" in desc(root)


def test_it_is_described_for_those_who_cannot_see_it() -> None:
    """When the run ended, when the checks ran, what each came to."""
    assert desc(drawn(proof(done("P1", 16.04), done("P13", 20, FAILED)))) == (
        "In seconds since the first look: the run ended at 10.0 s, its checks ran from 12.0 s to "
        "20.0 s: P1 passed at 16.0 s; P13 failed at 20.0 s."
    )
    assert desc(drawn(None)) == ""


def test_a_plot_without_checks_has_no_room_for_them() -> None:
    assert drawn(None).get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    assert drawn(proof()).get("viewBox") == f"0 {-STRIP} {WIDTH} {HEIGHT + STRIP}"


def test_everything_is_inside() -> None:
    """Also where nobody looked before the checks did, and where all is at one moment."""
    for root in (
        drawn(proof(done("P1", 16), samples=[look(14, 12)]), ()),
        drawn(proof(done("P1", 12), ended=12, samples=[look(12, 12)]), ()),
        drawn(proof(*(done(f"check-{n}", 12 + n / 5) for n in range(40)))),
    ):
        for element in root.iter():
            for name, low, high in (
                ("x", 0, WIDTH),
                ("x1", LEFT, WIDTH - RIGHT + 9),
                ("y", -STRIP, HEIGHT),
                ("y1", -STRIP, HEIGHT - BOTTOM),
                ("width", 0, WIDTH),
            ):
                if name in element.attrib:
                    assert low <= float(element.attrib[name]) <= high, (element.attrib, name)


@each_hostile
def test_ids_of_checks_are_text(text: str) -> None:
    """Whatever a domain calls its checks."""
    tags = [one.tag for one in drawn(proof(done(text, 16, FAILED))).iter()]
    assert tags == [one.tag for one in drawn(proof(done("P1", 16, FAILED))).iter()]


def growing(found: Report) -> list[int]:
    """The heights of val2 that the checks saw."""
    assert found.proof is not None
    return [
        point.value
        for sample in found.proof.samples
        for point in sample.sight.points
        if (point.series, point.subject) == ("height", "val2") and point.value is not None
    ]


def test_the_page_shows_blocks_while_the_checks_ran() -> None:
    """In every plot, with what became of the checks."""
    found = report()
    assert growing(found) == sorted(growing(found))
    page = report_html(found)
    assert page.count('class="phase"') == 3
    assert page.count("P13 failed at 76.7 s") == 3
    assert report_html(replace(found, proof=None)).count('class="phase"') == 0
