"""Claims, what was measured of them, and the verdict by a rule that is the same in every chapter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["LAPTOP", "Claim", "at", "markdown", "matrix", "spread", "table"]

#: What verdicts on most published runs say, whose networks, points and trainings are smaller than the authors'.
LAPTOP = "at a laptop's size"


@dataclass(frozen=True)
class Claim:
    """One claim of the paper on one benchmark.

    Attributes:
        text: the claim.
        paper: the paper's number or statement.
        here: what was measured.
        holds: for each run or pair of runs whether it shows the claim; empty if nothing was measured.
        scale: of the runs, if it is not the authors'; it follows the verdict.
        short: the runs end too early, or differ too much, to refute the claim; a yes still counts.
        open: the rule that these runs are judged by, such as that of :mod:`pinnlib.phases.events`, cannot tell; no count can.
    """

    text: str
    paper: str
    here: str
    holds: Sequence[bool]
    scale: str = ""
    short: bool = False
    open: bool = False

    @property
    def verdict(self) -> str:
        """``reproduced`` where at least 80% of the runs show it, ``not`` where at most 20% do, else ``partly``.

        The scale follows the word.  Where the runs are too short, anything less than ``reproduced`` is ``cannot tell``, and
        where the question is open everything is.
        """
        if not len(self.holds):
            return "not assessed"
        share = float(np.mean(self.holds))
        word = "reproduced" if share >= 0.8 else "not" if share <= 0.2 else "partly"
        if self.open or (self.short and word != "reproduced"):
            return "cannot tell"
        return f"{word}, {self.scale}" if self.scale else word


def at(claims: Sequence[Claim], scale: str) -> list[Claim]:
    """The claims with a scale, so that every verdict names it."""
    return [replace(claim, scale=scale) for claim in claims]


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table.

    Args:
        head: one title a column; it may be empty.
        rows: one cell a column each, written as ``str`` writes it.

    Raises:
        ValueError: a row has more or fewer cells than the head.
    """
    lines = ["|" + "".join(f" {title} |" if title else " |" for title in head), "|" + "---|" * len(head)]
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"a row of {len(row)} cells under {len(head)} titles, {tuple(row)}: give one cell a column")
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines)


def table(claims: Sequence[Claim]) -> str:
    """The claims as a Markdown table, with the count of runs that show each."""
    counts = [f"{int(np.sum(c.holds))} of {len(c.holds)}" if len(c.holds) else "none made" for c in claims]
    return markdown(
        ("claim", "paper", "here", "runs that show it", "verdict"),
        [(c.text, c.paper, c.here, count, f"**{c.verdict}**") for c, count in zip(claims, counts, strict=True)],
    )


def matrix(columns: Mapping[str, Sequence[Claim]]) -> str:
    """Verdicts of several benchmarks as a Markdown table: a row a claim, a column a benchmark, with the runs that show it."""
    texts = list(dict.fromkeys(c.text for claims in columns.values() for c in claims))
    rows = []
    for text in texts:
        cells = [text]
        for claims in columns.values():
            found = next((c for c in claims if c.text == text), None)
            cells.append("" if found is None else f"**{found.verdict}** {int(np.sum(found.holds))}/{len(found.holds)}")
        rows.append(cells)
    return markdown(("claim", *columns), rows)


def spread(values: Sequence[float | None], form: str = ".3g") -> str:
    """Median and range over seeds as text; missing values are counted, not hidden."""
    there = [float(v) for v in values if v is not None and np.isfinite(v)]
    missing = len(values) - len(there)
    note = f", none in {missing} of {len(values)}" if missing else ""
    if not there:
        return f"none in {len(values)}"
    if len(there) == 1:
        return f"{there[0]:{form}}{note}"
    return f"{np.median(there):{form}} ({min(there):{form}} to {max(there):{form}}{note})"
