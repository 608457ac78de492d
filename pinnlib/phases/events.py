r"""Collapses of the residual, and what other series do around them, over runs.

A *collapse* is read from the unweighted loss of the residual alone, never from an SNR or an error.  With :math:`\ell` its log10,
as the median over steps within 5% (five probes at least), it is a fall by a decade within a factor 2 of time, from a plateau
(:math:`\ell` moved by at most half a decade over a factor 2 before), to a new low (half a decade below all before).  It begins
with the last probe from which the fall is as deep, and ends with the first that is as low.  Falls that follow each other without
a plateau between them are one.

The *effect* on a series is the difference between its medians in two windows, each a factor 2 of time long: one that ends where
the collapse begins, and one that begins where it has ended.  What happens meanwhile does not count.  SNR, signal, noise and
errors are taken as log10.  Of shares the means are compared: of the probes above the level of :func:`level`, and below the floor
of independent batches.

A *study* asks whether runs that differ by their seed change alike.  It reports the median effect and its range, the sign test,
and how often the mean effect at times drawn at random, even in log step, is as large: the *null*, for the SNR of a run changes at
other times too.  By chance all of n runs have one sign in 2 / 2^n of all studies, and the sign that was foretold in half of
these, 3% with five.  Below five runs nothing is said.  "No change" is only said where one would have been found: the *power* is
how often all runs would have shown an effect of a given size, given the scatter of the null.

The null is that of an event study, with the times of the events drawn anew.  The plan of the book's studies, and what was known
when it was made, is the page *The plan*.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..runs import Run

__all__ = [
    "SERIES",
    "SIZES",
    "Change",
    "Collapse",
    "Study",
    "collapses",
    "effect",
    "in_bursts",
    "last_collapse",
    "level",
    "level_of",
    "null_effects",
    "of_runs",
    "study",
]

DECADES, WITHIN, NEAR, PROBES = 1.0, 2.0, 1.05, 5
AROUND, SHORTEST, FEWEST = 2.0, 1.25, 4  # factor of a window, of the shortest that counts, and probes in it
AFTER = (1.0, AROUND)  # of the end of a collapse, the window after it
DRAWS, ENOUGH, POWER = 2_000, 5, 0.8
LIKELY = 0.05
#: Settings in which runs of one kind may differ.
INCIDENTAL = ("seed", "steps", "snapshots", "probe_every", "probe_fresh", "probe_sharpness", "device", "compile", "perturbation")
POINTS = 256  # of a batch at the authors' size, where the level is 1

#: Series that a study knows, and whether they are compared by the median of log10, by the median, or as a share of probes.
SERIES = {
    "snr": "log",
    "signal": "log",
    "noise": "log",
    "alignment": "plain",
    "order_gradient": "plain",
    "order_residual": "plain",
    "order_weights": "plain",
    "rel_l2": "log",
    "loss_data": "log",
    "above": "share",
    "below": "share",
}


#: An effect that a study must not miss, in the units of SERIES, about half of what the authors' figures and series show.
SIZES = {
    "snr": 1.0,
    "signal": 1.0,
    "noise": 0.5,
    "alignment": 0.3,
    "order_gradient": 0.3,
    "order_residual": 0.05,
    "order_weights": 0.05,
    "rel_l2": 0.3,
    "loss_data": 0.5,
    "above": 0.3,
    "below": 0.3,
}


@dataclass(frozen=True)
class Collapse:
    """A fall of the residual's loss.

    Attributes:
        start: step of the last probe from which the fall is as deep as is asked for.
        end: step of the first probe that is as low.
        fall: decades, from there to the lowest within a factor ``within`` of time.
    """

    start: int
    end: int
    fall: float


def collapses(step: np.ndarray, loss: np.ndarray, *, decades: float = DECADES, within: float = WITHIN) -> list[Collapse]:
    """All collapses, in order of time.

    Args:
        step: of the probes, increasing, ``(n_probes,)``.
        loss: unweighted mean squared residual ``(n_probes,)``; what is not finite and positive is left out.
        decades: depth of the fall.
        within: factor of time in which it falls, and of the plateau before.

    Raises:
        ValueError: series of unequal length, steps that do not increase, or a parameter out of its range.
    """
    step, loss = _series(step, loss)
    if not 0.0 < decades < math.inf or not 1.0 < within < math.inf:
        raise ValueError(f"decades = {decades}, within = {within}: give a positive depth, and a factor above 1")
    fine = np.isfinite(loss) & (loss > 0) & (step > 0)
    step, size = step[fine], _smooth(step[fine], np.log10(loss[fine]))
    found: list[Collapse] = []
    least = np.minimum.accumulate(size)
    k = 0
    while k < len(step):
        after = (step > step[k]) & (step <= step[k] * within)
        before = (step >= step[k] / within) & (step <= step[k])
        fallen = np.flatnonzero(after & (size <= size[k] - decades) & (size <= least[k] - decades / 2))
        flat = before.sum() >= PROBES and np.ptp(size[before]) <= decades / 2
        if not (len(fallen) and flat and step[k] >= step[0] * within):
            k += 1
            continue
        first = int(fallen[0])
        start = max(j for j in range(k, first) if size[j] - size[first] >= decades)
        meanwhile = (step > step[start]) & (step <= step[start] * within)
        found.append(Collapse(int(step[start]), int(step[first]), float(size[start] - size[meanwhile].min())))
        k = first
    return found


def last_collapse(run: Run) -> Collapse | None:
    """The last of a run's :func:`collapses`, None where it has none."""
    found = collapses(run.history["step"], run.history["loss_residual"])
    return found[-1] if found else None


def _smooth(step: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Medians over the probes within :data:`NEAR` of each step, or over the nearest :data:`PROBES`, if these are fewer."""
    found, n = np.empty(len(step)), len(step)
    for k, one in enumerate(step):
        low, high = np.searchsorted(step, [one / NEAR, one * NEAR], side="left")
        start = min(low, max(k - PROBES // 2, 0))
        found[k] = np.median(values[start : max(high, min(k + PROBES // 2 + 1, n))])
    return found


def level(batch_points: int) -> float:
    """The SNR that says as much as 1 does of a batch of 256 points, ``sqrt(batch_points / 256)``.

    The noise of independent points falls with the root of their number, so an SNR of smaller batches is smaller.

    Raises:
        ValueError: no points.
    """
    if batch_points < 1:
        raise ValueError(f"batch_points = {batch_points}: give how many points a batch has, at least 1")
    return math.sqrt(batch_points / POINTS)


def level_of(run: Run) -> float:
    """:func:`level` of the batches that a run's SNR is of; of a training in mini-batches too, a probe cuts all points."""
    return level(run.config.points // run.config.batches)


def effect(
    step: np.ndarray, values: np.ndarray, collapse: Collapse, kind: str = "plain", *, after: tuple[float, float] = AFTER
) -> float:
    """The change of a series from before a collapse to after it; nan where a window is too short.

    Args:
        step: of the probes ``(n_probes,)``.
        values: the series ``(n_probes,)``.
        collapse: whose beginning and end bound the two windows.
        kind: ``"log"``: log10 of the ratio of medians; ``"plain"``: difference of medians; ``"share"``: difference of means.
        after: the window after, as factors of the step at which the collapse has ended.

    Raises:
        ValueError: series of unequal length, an unknown kind, or a window that is none.
    """
    step, values = _series(step, values)
    if not 1.0 <= after[0] < after[1]:
        raise ValueError(f"after = {after}: give two rising factors, of at least 1")
    if kind not in ("log", "plain", "share"):
        raise ValueError(f"kind = {kind!r}: choose 'log', 'plain' or 'share'")
    ends = np.array([float(collapse.start)]), np.array([float(collapse.end)])
    return float(_effects(step, values, *ends, kind, after)[0])


def _effects(
    step: np.ndarray, values: np.ndarray, starts: np.ndarray, ends: np.ndarray, kind: str, after: tuple[float, float]
) -> np.ndarray:
    """Effects at several times, ``(n_times,)``."""
    good = np.isfinite(values) & (values > 0) if kind == "log" else np.isfinite(values)
    at, own = step[good], values[good]
    low, high = np.searchsorted(at, starts / AROUND, "left"), np.searchsorted(at, starts, "right")
    first, last = np.searchsorted(at, ends * after[0], "left"), np.searchsorted(at, ends * after[1], "right")
    long = (step[0] <= starts / SHORTEST) & (step[-1] >= ends * after[0] * SHORTEST)
    middle = np.mean if kind == "share" else _median
    found = np.full(len(starts), math.nan)
    for k in np.flatnonzero(long & (high - low >= FEWEST) & (last - first >= FEWEST)):
        before, then = middle(own[low[k] : high[k]]), middle(own[first[k] : last[k]])
        found[k] = math.log10(then) - math.log10(before) if kind == "log" else then - before
    return found


def _median(values: np.ndarray) -> float:
    """Of a few, several times as fast as NumPy's."""
    ordered = np.sort(values)
    n = len(ordered)
    return float((ordered[(n - 1) // 2] + ordered[n // 2]) / 2.0)


def in_bursts(
    step: np.ndarray, snr: np.ndarray, values: np.ndarray, *, level: float, since: float = 0.0, near: int = 10
) -> np.ndarray:
    """How far a series is from the quiet around it, at each probe whose SNR is above a level.

    Quiet are the probes at or below the level.  A probe counts if at least two of the ``near`` probes before it are quiet, and
    two of those after it.  It is compared with the mean of the two medians, so a drift cancels.

    Args:
        step: of the probes, increasing, ``(n_probes,)``.
        snr: signal over noise ``(n_probes,)``.
        values: the series ``(n_probes,)``, compared as log10; probes where it is not finite and positive are left out.
        level: such as :func:`level_of` a run.
        since: step from which on probes count, and are quiet.
        near: how many probes on either side are looked at.

    Returns:
        log10 of the ratios ``(n_counted,)``, in order of time.

    Raises:
        ValueError: series of unequal length, steps that do not increase, a level that is not positive, or too few probes a side.
    """
    step, values = _series(step, values)
    _, snr = _series(step, snr)
    if not level > 0.0:
        raise ValueError(f"level = {level}: give a positive one, such as level_of(run)")
    if near < 2:
        raise ValueError(f"near = {near}: give how many probes on either side are looked at, at least 2")
    fine = np.isfinite(snr) & np.isfinite(values) & (values > 0.0) & (step >= since)
    above, size = snr[fine] > level, np.log10(values[fine])
    found = []
    for k in np.flatnonzero(above):
        sides = slice(max(k - near, 0), k), slice(k + 1, k + 1 + near)
        quiet = [size[side][~above[side]] for side in sides]
        if min(map(len, quiet)) >= 2:
            found.append(size[k] - (np.median(quiet[0]) + np.median(quiet[1])) / 2.0)
    return np.array(found)


def null_effects(
    step: np.ndarray,
    values: np.ndarray,
    collapse: Collapse,
    kind: str,
    rng: np.random.Generator,
    *,
    after: tuple[float, float] = AFTER,
    since: float = 0.0,
) -> np.ndarray:
    """Effects at 2,000 random times, even in log step, with a gap between the windows as long as the collapse.

    Args:
        step: as in :func:`effect`.
        values: as there.
        collapse: how long the gap is, as a factor of time; nothing else of it is used.
        kind: as there.
        rng: where the randomness comes from.
        after: as there.
        since: step from which on the times are drawn, to leave out the end of fitting.

    Returns:
        ``(2000,)``; nan where no time has an effect.
    """
    step, values = _series(step, values)
    gap = collapse.end / collapse.start if collapse.start else math.inf
    starts = step[(step > 0) & (step >= since)]
    effects = _effects(step, values, starts[:-1], starts[:-1] * gap, kind, after)
    share = np.where(np.isfinite(effects), np.diff(np.log(starts)), 0.0)  # a probe stands for the time to the next
    if not share.sum() > 0.0:
        return np.full(DRAWS, math.nan)
    return rng.choice(effects, DRAWS, p=share / share.sum())


@dataclass(frozen=True)
class Change:
    """What runs do to one series at their collapse.

    Attributes:
        name: of the series.
        kind: how it is compared, see :data:`SERIES`.
        effects: one a run ``(n_runs,)``; nan where a run has no such series, or its windows are too short.
        signs: how many of them rise, and how many fall.
        sign_p: chance that all runs have one sign, the foretold or, if none was, either; 1 where they do not.
        null_p: share of the null's means that are at least as far from its middle as the runs' mean, on either side.
        null_p_sided: share of them that are at least as large, or as small where a fall was foretold; without a foretold sign
            the side is that of the runs' mean.  No part of the verdict.
        scatter: standard deviation of the null within a run.
    """

    name: str
    kind: str
    effects: np.ndarray
    signs: tuple[int, int]
    sign_p: float
    null_p: float
    null_p_sided: float
    scatter: float

    @property
    def count(self) -> int:
        """Runs that have an effect."""
        return int(np.isfinite(self.effects).sum())

    @property
    def middle(self) -> float:
        """The median effect."""
        return float(np.nanmedian(self.effects)) if self.count else math.nan

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest effect; with five runs the median of all such runs lies between them with 94% confidence."""
        return (float(np.nanmin(self.effects)), float(np.nanmax(self.effects))) if self.count else (math.nan, math.nan)

    def power(self, size: float | None = None) -> float:
        """How often all runs would rise if each rose by ``size``, and scattered as the null does; :data:`SIZES` unless told."""
        size = SIZES[self.name] if size is None else size
        if not self.count or not math.isfinite(self.scatter):
            return 0.0
        one = 0.5 * math.erfc(-size / (self.scatter * math.sqrt(2.0))) if self.scatter > 0 else float(size > 0)
        return one**self.count

    @property
    def verdict(self) -> str:
        """``"rises"``, ``"falls"``, ``"no change of this size"``, see :data:`SIZES`, or ``"cannot tell"``."""
        return self._verdict[0]

    @property
    def why(self) -> str:
        """The reason for :attr:`verdict`."""
        return self._verdict[1]

    @property
    def _verdict(self) -> tuple[str, str]:
        if self.count < ENOUGH:
            return "cannot tell", f"{self.count} runs have an effect, and a verdict needs {ENOUGH}"
        up, down = self.signs
        if max(up, down) == self.count and self.null_p <= LIKELY:
            return ("rises" if up else "falls"), f"all {self.count} runs do, and {self.null_p:.1%} of random times do as much"
        power, size = self.power(), SIZES[self.name]
        said = f"{up} of {self.count} rise, and {self.null_p:.1%} of random times do as much"
        if power < POWER:
            return "cannot tell", f"{said}; an effect of {size:g} would be seen in {power:.0%} of such studies"
        return "no change of this size", f"{said}; an effect of {size:g} would be seen in {power:.0%} of such studies"


@dataclass(frozen=True)
class Study:
    """An event study.

    Attributes:
        collapses: of each run the one that it is aligned at; None where a run has none.
        changes: by series.
    """

    collapses: tuple[Collapse | None, ...]
    changes: dict[str, Change]

    @property
    def found(self) -> int:
        """Runs with a collapse."""
        return sum(one is not None for one in self.collapses)


def study(
    histories: Iterable[Mapping[str, np.ndarray]],
    *,
    batches: int,
    batch_points: int,
    which: str = "last",
    foretold: Mapping[str, int] | None = None,
    at: Sequence[Collapse | None] | None = None,
    series: Sequence[str] = tuple(SERIES),
    after: tuple[float, float] = AFTER,
    since: float = 0.0,
    seed: int = 0,
) -> Study:
    """Align runs of one kind at a collapse, and compare what comes after with what came before.

    Args:
        histories: of the runs: ``step`` and ``loss_residual``, and of :data:`SERIES` what is there.  ``above`` and ``below`` are
            made of ``snr``, and so is ``alignment`` where it is not there, for batches of equal length.
        batches: of all runs.
        batch_points: points of a batch, for :func:`level`.
        which: ``"last"`` or ``"first"`` of a run's collapses.
        foretold: by series the sign that was foretold, 1 or -1; either counts for others.
        at: the collapses, in place of those that are found; for series without a residual.
        series: which, of :data:`SERIES`.
        after: the window after, as in :func:`effect`.
        since: step from which on the null's times are drawn, as in :func:`null_effects`.
        seed: of the null's draws.

    Raises:
        ValueError: no runs, other batches or points than could be, an unknown choice, series or sign, no residual, or no run
            with a collapse.
    """
    histories, foretold = list(histories), dict(foretold or {})
    if not histories:
        raise ValueError("there are no runs to study: give the histories of at least one, and of five for a verdict")
    if batches < 2:
        raise ValueError(f"batches = {batches}: give how many batches the SNR is of, at least 2")
    if which not in ("last", "first"):
        raise ValueError(f"which = {which!r}: choose 'last' or 'first'")
    unknown = [name for name in (*series, *foretold) if name not in SERIES]
    if unknown:
        raise ValueError(f"no series is called {unknown[0]!r}: choose among {', '.join(SERIES)}")
    for name, sign in foretold.items():
        if sign not in (1, -1):
            raise ValueError(f"foretold has {sign!r} for {name!r}: give 1 for a rise, or -1 for a fall")
    if at is not None and len(at) != len(histories):
        raise ValueError(f"{len(at)} collapses for {len(histories)} runs: give one for each, None for a run without")
    without = [k for k, h in enumerate(histories) if "loss_residual" not in h]
    if at is None and without:
        raise ValueError(f"run {without[0]} has no loss_residual, from which collapses are read: give it, or collapses by at=")
    lists = [collapses(h["step"], h["loss_residual"]) for h in histories] if at is None else [[c] if c else [] for c in at]
    chosen = tuple((own[-1] if which == "last" else own[0]) if own else None for own in lists)
    if not any(chosen):
        raise ValueError(f"none of {len(histories)} runs has a collapse: its residual falls smoothly, or the run ends before")
    rng = np.random.default_rng(seed)
    full = [_with_derived(h, batches, level(batch_points)) for h in histories]
    names = [name for name in series if any(name in h for h in full)]
    return Study(chosen, {name: _change(name, full, chosen, foretold.get(name), after, since, rng) for name in names})


def of_runs(runs: Iterable[Run], **settings: Any) -> Study:
    """:func:`study` of runs of one kind, with their own batches.

    Args:
        runs: that differ by their seed alone, or by how long they were, where they were made and what of them was kept.
        settings: of :func:`study`, such as ``foretold`` and ``after``.

    Raises:
        ValueError: runs of unequal kinds, or as there.
    """
    runs = list(runs)
    if not runs:
        raise ValueError("there are no runs to study: give at least one, and five for a verdict")
    first = _kind(runs[0])
    for run in runs[1:]:
        other = _kind(run)
        apart = [name for name in first if other.get(name) != first[name]]
        if apart:
            name = apart[0]
            raise ValueError(
                f"the runs are of unequal kinds, {name} = {first[name]} and {other.get(name)}: study each kind apart"
            )
    config = runs[0].config
    histories = [run.history for run in runs]
    return study(histories, batches=config.batches, batch_points=config.points // config.batches, **settings)


def _kind(run: Run) -> dict[str, Any]:
    """What runs of one kind have in common."""
    settings = {name: value for name, value in run.config.as_dict().items() if name not in INCIDENTAL}
    return {"problem": run.solves} | settings


def _with_derived(history: Mapping[str, np.ndarray], batches: int, above: float) -> dict[str, np.ndarray]:
    """With shares, and the alignment of batches of equal length."""
    full = dict(history)
    if "snr" in full:
        snr = np.asarray(full["snr"], dtype=float)
        known = ~np.isnan(snr)
        full["above"] = np.where(known, snr > above, math.nan)
        full["below"] = np.where(known, snr < 1.0 / math.sqrt(batches - 1.0), math.nan)
        with np.errstate(over="ignore"):
            square = 1.0 - 1.0 / (1.0 + snr**2)  # phi squared, and 1 for an infinite SNR
        full.setdefault("alignment", (batches * square - 1.0) / (batches - 1.0))
    return full


def _change(
    name: str,
    histories: Sequence[Mapping[str, np.ndarray]],
    chosen: Sequence[Collapse | None],
    sign: int | None,
    after: tuple[float, float],
    since: float,
    rng: np.random.Generator,
) -> Change:
    kind = SERIES[name]
    effects, nulls = np.full(len(histories), math.nan), []
    for k, (history, one) in enumerate(zip(histories, chosen, strict=True)):
        if one is None or name not in history:
            continue
        step, values = np.asarray(history["step"]), np.asarray(history[name], dtype=float)
        effects[k] = effect(step, values, one, kind, after=after)
        if math.isfinite(effects[k]):
            nulls.append(null_effects(step, values, one, kind, rng, after=after, since=since))
    own = effects[np.isfinite(effects)]
    up, down = int((own > 0).sum()), int((own < 0).sum())
    n = len(own)
    agree = n and (up == n if sign == 1 else down == n if sign == -1 else max(up, down) == n)
    sign_p = (1.0 if sign else 2.0) / 2.0**n if agree else 1.0
    return Change(name, kind, effects, (up, down), min(sign_p, 1.0), *_against(own, nulls, sign))


def _against(own: np.ndarray, nulls: Sequence[np.ndarray], sign: int | None) -> tuple[float, float, float]:
    """How often the null's mean is as far from its middle as the runs' mean, on either side and on one; its scatter in a run."""
    if not len(own):
        return math.nan, math.nan, math.nan
    fine = [null for null in nulls if np.isfinite(null).all()]
    if len(fine) < len(nulls):
        return math.nan, math.nan, math.nan
    means = np.mean(fine, axis=0)
    middle = np.median(means)
    far = np.abs(means - middle) >= abs(own.mean() - middle)
    sided = (means - own.mean()) * (sign or math.copysign(1, own.mean() - middle)) >= 0
    scatter = float(np.sqrt(np.mean(np.var(fine, axis=1))))
    each, one = (float((1 + hits.sum()) / (1 + len(means))) for hits in (far, sided))
    return each, one, scatter


def _series(step: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    step, values = np.asarray(step, dtype=float), np.asarray(values, dtype=float)
    if step.shape != values.shape or step.ndim != 1 or not len(step):
        raise ValueError(f"steps of shape {step.shape} and values of shape {values.shape}: give two series of equal length")
    if (np.diff(step) <= 0).any():
        raise ValueError("the steps do not increase: give the probes in order of time")
    return step, values
