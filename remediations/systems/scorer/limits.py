"""How far people let a service be scaled or slowed down: `limits` of the section `scoring`.

limits:
  workers: {setting: SCORER_WORKERS, min: 1, max: 4, normal: 1, same_answers: true,
            cost: one processor and 900 MiB for each worker}
  rate: {setting: SCORER_RATE, min: 2, max: 50, normal: 50, spares_node: true,
         cost: who submits more is answered 429 and has to come again}

Both are names of the service's environment. A name that decides about the numbers is refused here:
another order of additions is another score (docs/rules/hazards.md#another-score).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from remediations.values.record import Record

if TYPE_CHECKING:  # YAML takes a while to load
    from remediations.engine.observe.inventory_table import InventoryTable

LIMIT_NAME = re.compile("[A-Z_][A-Z0-9_]{0,63}")
CHANGES_NUMBERS = re.compile(
    "(OMP|MKL|KMP|GOMP|OPENBLAS|GOTO|BLIS|VECLIB|NUMEXPR|TF|XLA|ONEDNN|DNNL|CUDA|CUDNN|CUBLAS|"
    "NVIDIA|HIP|ROCR|JAX|TORCH|PYTORCH)_.*|"
    ".*(THREAD|SEED|KERNEL|PRECISION|DETERMIN|BATCH|PARALLELISM|CPU_ISA).*|PYTHONHASHSEED"
)
"""Names that decide in which order, in which precision or with which kernels is computed."""
_COST = re.compile(r"(?! )[ -~]{1,200}(?<! )")
MOST_WORKERS, MOST_RATE = 64, 100_000
_YES_OR_NO = "true or false"


class Limit(Record, frozen=True, kw_only=True):
    """A setting of the environment that is a whole number from `least` to `most`, and `normal`
    where nothing is wrong, or where no line sets it. `cost` is what another value costs, in words.

    `harmless`: people declared that the chain does not notice it. For workers, that the answers
    stay the same; for a rate, that the node's own requests are never turned away.
    """

    setting: str
    least: int
    most: int
    normal: int
    cost: str
    harmless: bool


class Limits(Record, frozen=True, kw_only=True):
    """Both, None where nothing is declared: then nothing is scaled, or slowed down."""

    workers: Limit | None = None
    rate: Limit | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the environment that are read for them."""
        return tuple(one.setting for one in (self.workers, self.rate) if one is not None)


NO_LIMITS = Limits()


def read_limits(table: InventoryTable, declared: Iterable[str]) -> Limits:
    """The limits of the section; `declared` are the names that stand elsewhere in it.

    Raises:
        UsageError: one is malformed, has a name that decides about the numbers or that is declared
            elsewhere, too, or has a minimum that is not below its maximum.
    """
    if "limits" not in table:
        return NO_LIMITS
    both = table.table("limits")
    both.keys(required=(), optional=("workers", "rate"))
    taken = set(declared)
    found: dict[str, Limit] = {}
    for key, most, harmless in (
        ("workers", MOST_WORKERS, "same_answers"),
        ("rate", MOST_RATE, "spares_node"),
    ):
        if key in both:
            found[key] = _limit(both.table(key), taken, most, harmless)
            taken.add(found[key].setting)
    if not found:
        raise table.wrong("limits", "workers, rate, or both", "neither")
    return Limits(**found)


def _limit(table: InventoryTable, taken: set[str], ceiling: int, harmless: str) -> Limit:
    table.keys(required=("setting", "min", "max", "normal", "cost"), optional=(harmless,))
    least = table.whole_number("min", 1, ceiling, default=1, unit="a whole number")
    most = table.whole_number("max", 1, ceiling, default=1, unit="a whole number")
    if least >= most:
        raise table.wrong("min", f"less than max ({most})", str(least))
    return Limit(
        setting=_setting(table, taken),
        least=least,
        most=most,
        normal=table.whole_number("normal", least, most, default=least, unit="a whole number"),
        cost=table.text("cost", _COST, "one line of at most 200 characters: what it costs"),
        harmless=_yes(table, harmless),
    )


def _setting(table: InventoryTable, taken: set[str]) -> str:
    name = table.text("setting", LIMIT_NAME, "a name of the environment, as SCORER_WORKERS")
    if CHANGES_NUMBERS.fullmatch(name):
        raise table.wrong(
            "setting",
            "a name that does not decide about the numbers",
            f"{name}, with which the service computes otherwise",
            mend="name the setting of whole workers, each of which computes as before "
            "(docs/scoring.md#limits)",
        )
    if name in taken:
        raise table.wrong(
            "setting",
            "a name that is declared once",
            f"{name}, which is declared elsewhere in `scoring`, too",
            mend="take it out of one of them: what is declared for all is not to be changed",
        )
    return name


def _yes(table: InventoryTable, key: str) -> bool:
    value = table.content.get(key, False)
    if not isinstance(value, bool):
        raise table.wrong(key, _YES_OR_NO)
    return value
