"""What a comparison found: errors by rule and seed, ratios, verdicts, as a table, in sentences and as a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ..runs import Run, report
from . import figure, measures
from .measures import Measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison", "Verdict", "verdict"]

ENOUGH = 5  # seeds
MARGIN = 1.25  # a ratio within this factor is no difference worth a word
NONE = f"no difference larger than {MARGIN - 1:.0%}"
SAID = {"helps": "fell", "harms": "grew", NONE: "hardly changed"}


@dataclass(frozen=True)
class Verdict:
    """What the ratios of one rule say.

    Attributes:
        word: helps, harms, no difference larger than 25%, or cannot tell.
        reason: why.
    """

    word: str
    reason: str


def verdict(ratios: Sequence[float]) -> Verdict:
    """The verdict by the rule at the top of :mod:`pinnlib.comparison`.

    Args:
        ratios: of a rule's error to the baseline's, one a seed; inf or 0 where one of the two diverged, nan where both did.

    Raises:
        ValueError: no ratios, or a negative one.
    """
    values = np.asarray(ratios, dtype=float)
    if values.ndim != 1 or not len(values) or (values < 0).any():
        raise ValueError(f"ratios = {ratios!r}: give one a seed, at least one, and none below 0")
    n, both, least, most = len(values), int(np.isnan(values).sum()), 1.0 / MARGIN, MARGIN
    low, middle, high = values.min(), np.median(values), values.max()  # nan where one is
    word = "cannot tell"
    if n < ENOUGH:
        reason = f"a verdict needs at least {ENOUGH} seeds, and not {n}"
    elif both:
        reason = f"both runs diverged with {both} of {n} seeds"
    elif low >= least and high <= most:
        word, reason = NONE, f"all {n} ratios lie from {least:g} to {most:g}"
    elif low <= 1.0 <= high:
        reason = f"the {n} ratios do not all lie on one side of 1"
    elif least <= middle <= most:
        reason = f"all {n} ratios lie on one side of 1, but their median is between {least:g} and {most:g}"
    elif high < 1.0:
        word, reason = "helps", f"all {n} ratios lie below 1, and their median below {least:g}"
    else:
        word, reason = "harms", f"all {n} ratios lie above 1, and their median above {most:g}"
    return Verdict(word, reason)


def _together(verdicts: Mapping[str, Verdict]) -> Verdict:
    """What all of these say, by the measure they are of; cannot tell, where they do not agree."""
    found = list(verdicts.values())
    if len(found) == 1 or len({one.reason for one in found}) == 1:  # one reason has one word
        alike = "" if len(found) == 1 or found[0].word == "cannot tell" else f", of {' and '.join(verdicts)} alike"
        return Verdict(found[0].word, found[0].reason + alike)
    parts = [f"the {key} {SAID.get(one.word) or f'does not tell ({one.reason})'}" for key, one in verdicts.items()]
    return Verdict("cannot tell", " and ".join(parts))


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


@dataclass(eq=False, repr=False)
class Comparison:
    """Runs of several rules with the same seeds; what :func:`compare` gives, and what runs of your own can be put into.

    Attributes:
        runs: of each rule, by its label, one a seed; the first rule is the baseline.
        diverged: label and seed of the runs whose loss is no longer finite; they end at their last good step.

    Raises:
        ValueError: fewer than two rules, other seeds or another problem than the baseline's, or a run that is half done.
    """

    runs: dict[str, list[Run]]
    diverged: frozenset[tuple[str, int]] = frozenset()

    def __post_init__(self) -> None:
        if len(self.runs) < 2 or not all(self.runs.values()):
            raise ValueError(f"runs of {list(self.runs)}: give at least two rules, the baseline first, each with a run a seed")
        for label, runs in self.runs.items():
            if [run.config.seed for run in runs] != self.seeds:
                seeds = [run.config.seed for run in runs]
                raise ValueError(f"{label!r} has the seeds {seeds} and {self.baseline!r} {self.seeds}: give pairs, in one order")
            for run in runs:
                if run.solves != self._first.solves:
                    what = f"{run.solves} and {self.baseline!r} {self._first.solves}"
                    raise ValueError(f"{label!r} solves {what}: give runs of one problem")
                if not run.complete and (label, run.config.seed) not in self.diverged:
                    raise ValueError(f"{label!r} with seed {run.config.seed} stands at step {run.step:,}: end it by pl.resume")

    @property
    def _first(self) -> Run:
        return self.runs[self.baseline][0]

    @property
    def baseline(self) -> str:
        """Label of the rule that the others are compared with."""
        return next(iter(self.runs))

    @property
    def _others(self) -> list[str]:
        """Labels of the rules that are compared with the baseline."""
        return list(self.runs)[1:]

    @property
    def seeds(self) -> list[int]:
        """Of the runs, in their order."""
        return [run.config.seed for run in self.runs[self.baseline]]

    def against(self, baseline: str) -> Comparison:
        """The same runs, compared with another rule.

        Raises:
            ValueError: there is no such rule.
        """
        if baseline not in self.runs:
            raise ValueError(f"no rule is called {baseline!r}: choose one of {', '.join(map(repr, self.runs))}")
        return Comparison({baseline: self.runs[baseline]} | self.runs, self.diverged)

    @cached_property
    def has_reference(self) -> bool:
        """Whether errors are compared, and not residuals."""
        return any(np.isfinite(run.history["rel_l2"]).any() for runs in self.runs.values() for run in runs)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """The error, or without a reference the residual and, where there are conditions, their misfit."""
        if self.has_reference:
            return (measures.error(self.runs, self.diverged),)
        conditions = any(np.any(run.history["loss_data"]) for runs in self.runs.values() for run in runs)
        kinds = (measures.residual, measures.misfit) if conditions else (measures.residual,)
        return tuple(kind(self.runs, self.diverged) for kind in kinds)

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """For all rules but the baseline; see the top of :mod:`pinnlib.comparison`."""
        return {label: _together({one.key: verdict(one.ratios[label]) for one in self.measures}) for label in self._others}

    def table(self) -> list[dict[str, Any]]:
        """A row a rule, of plain numbers and words; None where there is nothing.

        ``error`` (or ``residual``, without a reference), ``ratio`` and ``onset`` are medians over the seeds, each with its range:
        ``error_least``, ``error_largest``.  ``onset`` is the step where total diffusion starts, and ``onsets`` the number of runs
        that have it.  ``smaller`` is the number of seeds with a ratio below 1, ``seconds`` the median of a run.  Beside a
        residual there are ``misfit``, ``misfit_ratio`` and ``misfit_smaller``.
        """
        rows = []
        for label, runs in self.runs.items():
            onsets, one = _onsets(runs), self.verdicts.get(label)
            ends = zip(*(measure.ends[label] for measure in self.measures), strict=True)
            row: dict[str, Any] = {"rule": label, "seeds": len(runs), "diverged": sum(math.inf in own for own in ends)}
            for measure in self.measures:
                ratios, prefix = measure.ratios.get(label, []), self._prefix(measure)
                row |= _spread(measure.key, measure.ends[label])
                row |= _spread(f"{prefix}ratio", [ratio for ratio in ratios if not math.isnan(ratio)])
                row[f"{prefix}smaller"] = sum(ratio < 1.0 for ratio in ratios) if ratios else None
            rows.append(
                row
                | {"verdict": one.word if one else None}
                | _spread("onset", onsets)
                | {"onsets": len(onsets)}
                | {"seconds": float(np.median([run.provenance.get("wall_time", 0.0) for run in runs]))}
            )
        return rows

    def _prefix(self, measure: Measure) -> str:
        """Of the names of its columns: the first measure has none."""
        return "" if measure is self.measures[0] else f"{measure.key}_"

    def sentences(self) -> list[str]:
        """The verdict in sentences: of each rule, then of chance, of what is compared, and of the scale."""
        n, found = len(self.seeds), []
        for row in self.table()[1:]:
            one, numbers = self.verdicts[row["rule"]], ""
            for measure in self.measures:
                ratio, smaller = _range(row, f"{self._prefix(measure)}ratio"), row[f"{self._prefix(measure)}smaller"]
                numbers += f" The {measure.name} is {ratio} times that of {self.baseline}, and smaller with {smaller} of "
                numbers += f"{_count(n, 'seed')}."
            lost = f" Of its runs {row['diverged']} diverged, and count as the worst." if row["diverged"] else ""
            found.append(f"{row['rule']} against {self.baseline}: {one.word}, since {one.reason}.{numbers}{lost}")
        lost_of_baseline = self.table()[0]["diverged"]
        if lost_of_baseline:
            found.append(f"Of the runs of {self.baseline} {lost_of_baseline} diverged, and count as the worst.")
        chance, others = 2.0 / 2.0**n, len(self._others)
        several = f", and one of {others} rules in at most {min(others * chance, 1.0):.3g}" if others > 1 else ""
        agree = f"{_count(n, 'seed')} agree by chance in 2/2^{n} = {chance:.3g} of all comparisons{several}"
        found.append(f"Between rules that do not differ, {agree}." if n > 1 else "One seed is an anecdote.")
        if not self.has_reference:
            found.append(
                "The problem has no reference: this is a residual and not an error, and a small one does not prove a small error."
                if len(self.measures) == 1
                else "The problem has no reference: these are a residual, and a misfit at points that are trained on, and not an "
                "error; small ones do not prove a small error. A trivial solution has a small residual, and heavy conditions "
                "make a small misfit, so only what both say is a verdict."
            )
        configs = [run.config for runs in self.runs.values() for run in runs]
        scales = list(dict.fromkeys(f"{c.last_step:,} steps, {c.points:,} points, {c.width} x {c.depth} units" for c in configs))
        found.append(
            f"All of this holds at this scale ({'; '.join(scales)}), and says nothing of longer trainings or larger networks."
        )
        return found

    def _cells(self) -> list[list[str]]:
        """The table as text, with its head."""
        n, head = len(self.seeds), ["rule"]
        for measure in self.measures:
            head += [measure.name, f"ratio to {self.baseline}", "smaller"]
        cells = [[*head, "diverged", "total diffusion from", "seconds"]]
        for row in self.table():
            own = [row["rule"]]
            for measure in self.measures:
                prefix = self._prefix(measure)
                smaller = row[f"{prefix}smaller"]
                pair = ["", ""] if smaller is None else [_range(row, f"{prefix}ratio"), f"{smaller} of {n}"]
                own += [_range(row, measure.key), *pair]
            onset = f"{_range(row, 'onset', ',.0f')}, {row['onsets']} of {n}" if row["onsets"] else "none"
            cells.append([*own, f"{row['diverged']} of {n}", onset, f"{row['seconds']:,.3g}"])
        return cells

    def __repr__(self) -> str:
        cells = self._cells()
        wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
        rows = ["  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in cells]
        return "\n".join([*rows, "", *self.sentences()])

    def _repr_html_(self) -> str:
        head, *rows = self._cells()
        lines = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"]
        for label, *cells in rows:
            lines.append(f"<tr><th>{escape(label)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
        said = "".join(f"<p>{escape(one)}</p>" for one in self.sentences())
        return f"<div><table>{''.join(lines)}</table>{said}</div>"

    def plot(self) -> Figure:
        """A figure: on the left what is compared over log step, median and range over the seeds; on the right each seed's end.

        On the right a line is a seed.  Runs that diverged stand as crosses above all others.  Where a residual and a misfit are
        compared, each has a row.

        Returns:
            The :class:`matplotlib.figure.Figure`, to change or to save by its ``savefig``; a notebook shows what a cell returns.
        """
        return figure.figure(self)


def _onsets(runs: Sequence[Run]) -> list[float]:
    """First steps of total diffusion, of those runs that have it."""
    found = [report.detected(run)[0] for run in runs]
    return [float(one.total_diffusion.step) for one in found if one and one.total_diffusion]


def _spread(name: str, values: Sequence[float]) -> dict[str, float | None]:
    """Median and range; None of nothing."""
    parts = (float(np.median(values)), min(values), max(values)) if len(values) else (None,) * 3
    return dict(zip((name, f"{name}_least", f"{name}_largest"), parts, strict=True))


def _range(row: Mapping[str, Any], name: str, form: str = ".3g") -> str:
    middle, low, high = (row[key] for key in (name, f"{name}_least", f"{name}_largest"))
    if middle is None:
        return "unknown"
    return f"{middle:{form}}" + (f" ({low:{form}} to {high:{form}})" if low != high else "")
