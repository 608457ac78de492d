"""What a training does, in plain sentences: each with its number, what to try, and what the number does not say.

The rules look at medians over the *tail*, the probes of the last fifth of a decade of steps, so that a burst does not decide; but
where the last probe has less than a tenth of the tail's loss, as after L-BFGS, it is the tail alone.  ``loss`` is what is
minimized, without terms that can be negative, and ``start`` its first probe that is finite.  Where the residual's weights change
in time, as those of residual-based attention do, the losses of two steps cannot be compared.  There ``loss`` has the mean weight
of the tail at all points and steps.  The first state that fits is the one:

==============  ========================================================================================================
``too short``   fewer than 8 probes or 50 steps
``not finite``  the last loss is nan or inf, or most of the tail
``diverging``   loss is a thousand times the smallest that it was, as median of five probes; or ten times, and more than a
                tenth of the start
``dead``        the output varies over the points by less than 1% of the most that it did, and the error is above 0.5, or
                without a reference a term has fallen less than tenfold
``overfit``     the squared residual at fresh points is, in the median, more than 10 times that at the trained points
``starved``     a term has fallen less than tenfold, to no less than a ten-thousandth of the output's variance, while the
                residual fell hundredfold
``plateau``     loss fell by less than a fifth over the last half decade, and over all less than ten-thousandfold where there
                is no reference; before step 1,000 that is ``too short``
``learning``    none of these
==============  ========================================================================================================

Penalties on the weights, by a name with regulariz, penalty, decay, l1 or l2, are no term that lags behind.  With a reference, an
error below 0.1 is ``learning``, whatever the rules from ``overfit`` on say.

The bounds are rules of thumb, drawn beside the published records of the book.  Each sentence has its number, so that a reader may
draw another line.  The page *What to do when* has the evidence for the advice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .. import phases, weightings
from ..phases.events import collapses

if TYPE_CHECKING:
    from .run import Run

__all__ = ["STATES", "Finding", "Report", "diagnose", "of_run"]

#: States, in the order in which they are tried, and their words.
STATES = {
    "too short": "too short to say",
    "not finite": "no longer finite",
    "diverging": "diverging",
    "dead": "dead: the output is constant",
    "overfit": "fits its points and not the equation",
    "starved": "a term of the loss lags behind (starved)",
    "plateau": "on a plateau",
    "learning": "learning",
}
TAIL, HALF = 0.2, 0.5  # decades of steps
FEWEST, SHORTEST, FLAT = 8, 50, 1_000  # probes, steps, and steps before which nothing is a plateau
PENALTIES = ("regulariz", "penalty", "decay", "l1", "l2")
GREW, FAR, CONSTANT, TERM, MET, RESIDUAL, POINTS, FELL, WHOLE = 10.0, 1000.0, 0.01, 10.0, 1e-4, 100.0, 10.0, 0.8, 1e4
BAD, GOOD = 0.5, 0.1  # relative L2 errors
RULES, CANCEL, NEAR = 3.0, 0.2, 1.5  # factors that are worth a sentence
SATURATED = 50.0  # percent
VARY = 0.01  # relative; weights that vary by less are as good as equal
ATTEND = "If that fails, try residual-based attention without that weight; pl.compare says with ranges whether it helps here."
BOTH = "Do not use larger weights of terms and of points together; pl.compare says with ranges which of the two helps here."


@dataclass(frozen=True)
class Finding:
    """One sentence of a report.

    Attributes:
        about: what it is about, one word.
        text: the sentence, with its number.
        limit: what it does not say.
    """

    about: str
    text: str
    limit: str = ""


@dataclass(frozen=True)
class Report:
    """What a training does.

    Attributes:
        state: one of :data:`pinnlib.runs.diagnosis.STATES`.
        why: the sentence that the state rests on.
        advice: what to try, most promising first.
        findings: all else that the numbers say.
    """

    state: str
    why: str
    advice: tuple[str, ...]
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        lines = [f"State: {STATES[self.state]}.", f"  {self.why}"]
        if self.advice:
            lines += ["What to try:", *(f"  {k}. {one}" for k, one in enumerate(self.advice, 1))]
        lines += ["What the numbers say:"]
        for one in self.findings:
            lines += [f"  {one.about}: {one.text}", *([f"    {one.limit}"] if one.limit else [])]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        advice = "".join(f"<li>{escape(one)}</li>" for one in self.advice)
        rows = "".join(
            f"<tr><th style='text-align: left'>{escape(f.about)}</th><td style='text-align: left'>{escape(f.text)} "
            f"<em>{escape(f.limit)}</em></td></tr>"
            for f in self.findings
        )
        return (
            f"<div><p><strong>State: {escape(STATES[self.state])}.</strong> {escape(self.why)}</p>"
            f"{f'<p>What to try:</p><ol>{advice}</ol>' if advice else ''}<table>{rows}</table></div>"
        )


@dataclass(frozen=True)
class _Output:
    """What a history may lack; nan where it is not known.

    Attributes:
        trained: median squared residual at the points that are trained on.
        fresh: at others.
        fresh_mean: mean squared residual there.
        spread: standard deviation of the output over the points.
        most: the most that it was.
    """

    trained: float = math.nan
    fresh: float = math.nan
    fresh_mean: float = math.nan
    spread: float = math.nan
    most: float = math.nan


def of_run(run: Run) -> Report:
    """The report of a run; with its residual at fresh points and its output, where its weights were kept.

    Raises:
        ValueError: it has no probe yet.
    """
    history = dict(run.history)
    history["floor"] = np.full(len(history.get("step", ())), 1.0 / math.sqrt(run.config.batches - 1.0))
    known = run.state["parameters"].size and run.problem is not None
    names = [name.removeprefix("weight_") for name in history if name.startswith("weight_")] or ["data"]
    of_terms = {name: history.get(f"weight_{name}", np.array(run.config.data_weight)) for name in names}
    rule = weightings.in_loss(run.config.weighting)
    apart = rule is not None and getattr(rule, "assignment", "own") != "mean"  # all points may have one weight
    # the mean's power, as a history has it, and not the power's mean: a size is wanted, and not the loss itself, which may leave
    # out a large residual where weights are small
    factor = history.get("rba_mean", np.full(len(history["floor"]), math.nan)) ** getattr(rule, "power", 2)
    weights = _Weights(apart, rule is not None, factor, of_terms)
    return _report(_Series(history, names, weights), _measured(run) if known else _Output())


def diagnose(history: Mapping[str, np.ndarray], terms: list[str] | None = None) -> Report:
    """The report of a history, such as :meth:`pinnlib.monitor.Monitor.load_history` gives.

    Args:
        history: ``step``, ``loss_residual`` and ``snr``, ``(n_probes,)`` each; of the other series of a monitor or a run those
            are used that are there.  Without ``loss``, and where it does not say how points are weighted, the sum of residual
            and terms is judged.  A run's history does not say so; the ``report`` of a :class:`pinnlib.Run` does.
        terms: names of the terms beside the residual; those that have a ``loss_`` and a ``signal_`` unless told.

    Raises:
        ValueError: one of the three is not there, or there is no probe yet.
    """
    for name in ("step", "loss_residual", "snr"):
        if name not in history:
            raise ValueError(f"the history has no {name!r}: give that of a run or a monitor, which has {', '.join(history)}")
    if terms is None:
        terms = [n[5:] for n in history if n.startswith("loss_") and f"signal_{n[5:]}" in history and n != "loss_residual"]
    series = _Series(dict(history), list(terms), _weights(history))
    spread = series.history.get("output_spread", np.array([math.nan]))
    most = float(np.nanmax(spread)) if np.isfinite(spread).any() else math.nan
    trained, fresh, mean, now = (series.tail(n) for n in ("median_residual", "median_fresh", "loss_fresh", "output_spread"))
    return _report(series, _Output(trained, fresh, mean, now, most))


@dataclass(frozen=True)
class _Weights:
    """How a loss is weighted.

    Attributes:
        points: whether the points have weights of their own, as by residual-based attention.
        change: whether the residual's weights change in time.
        factor: their size over the points, ``(n_probes,)``.
        terms: of each term, by what its series is multiplied in the loss, ``(n_probes,)`` or ``()``; one unless told.
        known: whether anybody said.
    """

    points: bool
    change: bool
    factor: np.ndarray
    terms: Mapping[str, np.ndarray]
    known: bool = True


def _weights(history: Mapping[str, np.ndarray]) -> _Weights:
    """Of a monitor's history, whose terms have their weights already."""
    nothing = np.full(len(history["step"]), math.nan)
    factor, spread = (np.asarray(history.get(name, nothing), dtype=float) for name in ("factor", "factor_spread"))
    known = np.isfinite(factor) & np.isfinite(spread)
    if not known.any():
        return _Weights(False, False, factor, {}, known=False)
    # the spread tells where the mean stays, as that of weights which are divided by it
    change = np.ptp(factor[known]) > VARY * np.abs(factor[known]).max() or np.ptp(spread[known]) > VARY
    return _Weights(bool(spread[known][-1] > VARY), bool(change), factor, {})


class _Series:
    """A history, read at its tail and at its start.

    Attributes:
        loss: the one that the rules look at, ``(n_probes,)``.
        called: what a sentence calls it.
    """

    def __init__(self, history: dict[str, np.ndarray], terms: list[str], weights: _Weights) -> None:
        self.history = {name: np.asarray(values, dtype=float) for name, values in history.items()}
        there = [name for name in terms if f"loss_{name}" in history]
        self.negative = [name for name in there if (self.history[f"loss_{name}"] < 0).any()]
        self.terms = [name for name in there if name not in self.negative]
        self.step = self.history["step"]
        if not len(self.step):
            raise ValueError("there is no probe yet that a report could speak of: train on, or measure first")
        self.last = int(self.step[-1])
        self.weights, self.alone = weights, False
        self.loss, self.called = self._judged()
        self.alone = bool(self.loss[-1] < self.middle(self.loss) / GREW)

    def _judged(self) -> tuple[np.ndarray, str]:
        """What is minimized, so that two steps can be compared, and what to call it."""
        residual, terms = self.history["loss_residual"], self._sum(self.terms)
        if "loss" not in self or not self.weights.known:
            return residual + terms, "The sum of residual and terms"
        loss = self.history["loss"] - self._sum(self.negative)
        if not self.weights.change:
            return loss, "The loss"
        factor = self.middle(self.weights.factor)
        return (factor if factor > 0 else 1.0) * residual + terms, "The loss, weighted as in the end,"

    def _sum(self, terms: list[str]) -> np.ndarray:
        """Of these terms, with their weights."""
        parts = [self.weights.terms.get(name, 1.0) * self.history[f"loss_{name}"] for name in terms]
        return np.sum(parts, axis=0) if parts else np.zeros(len(self.step))

    def __contains__(self, name: str) -> bool:
        return name in self.history

    def between(self, early: float, late: float) -> np.ndarray:
        """Whether probes lie ``early`` to ``late`` decades of steps before the last; the last five at least at the tail."""
        chosen = (self.step >= self.last / 10**early) & (self.step <= self.last / 10**late)
        if late == 0.0:
            chosen[-5:] = True
            if self.alone:
                chosen[:-1] = False
        return chosen

    def tail(self, name: str) -> float:
        """Median over the tail; nan where the series is not there, or nowhere finite."""
        return self.middle(self.history.get(name, np.full(len(self.step), math.nan)))

    def middle(self, values: np.ndarray) -> float:
        """The same of values ``(n_probes,)``."""
        return _median(values[self.between(TAIL, 0.0)])

    def before(self) -> float:
        """Median of the loss half a decade before the tail; nan where there is no probe."""
        return _median(self.loss[self.between(HALF + TAIL, HALF)])

    def start(self, values: np.ndarray) -> float:
        """The first finite one; nan without."""
        fine = values[np.isfinite(values)]
        return float(fine[0]) if len(fine) else math.nan

    def fall(self, name: str) -> float:
        """How many times smaller a series is in the tail than it was at the start."""
        now, start = self.tail(name), self.start(self.history[name])
        return math.nan if math.isnan(now) or now < 0 else math.inf if now == 0 else start / now


def _report(series: _Series, output: _Output) -> Report:
    error = series.tail("rel_l2")
    found = _too_short(series) or _not_finite(series) or _diverging(series) or _dead(series, error, output)
    if not found and not error < GOOD:
        found = _overfit(output) or _starved(series, output) or _plateau(series, error)
    findings = [
        _error(error),
        *_what_is_read(series, output),
        _phase(series),
        *_collapse(series),
        *_batches(series),
        *_rules(series),
        *_setback(series),
        *_bursts(series),
    ]
    return Report(*(found or _learning(series)), (*findings, *_fresh(output), *_layers(series)))


_State = tuple[str, str, tuple[str, ...]]


def _too_short(series: _Series) -> _State | None:
    if len(series.step) >= FEWEST and series.last >= SHORTEST:
        return None
    why = f"{len(series.step)} probes up to step {series.last:,} are too few to speak of a trend."
    return "too short", why, ("Train on, and measure more often.",)


def _not_finite(series: _Series) -> _State | None:
    fine = np.isfinite(series.loss)
    tail = fine[series.between(TAIL, 0.0)]
    if fine[-1] and 2 * tail.sum() > len(tail):
        return None
    bad = int((~fine).sum())
    when = (
        f"from step {int(series.step[np.flatnonzero(fine)[-1] + 1]):,} on" if fine.any() and not fine[-1] else "again and again"
    )
    return "not finite", f"The loss is not finite {when}, at {bad} of {len(fine)} probes.", (
        "Go back to weights before that step, with a learning rate ten times smaller.",
        "Look for a division, a root or a logarithm in the residual that can meet zero.",
    )  # fmt: skip


def _diverging(series: _Series) -> _State | None:
    now, least, start = series.middle(series.loss), _least(series.loss), series.start(series.loss)
    if not least > 0 or not (now > FAR * least or (now > GREW * least and now > start / GREW)):
        return None
    why = f"{series.called} is {_number(now / least)} times its smallest so far, {least:.2g}."
    return "diverging", why, (
        "Go back to the weights of the smallest loss, with a learning rate ten times smaller.",
        "Let the learning rate decay.",
    )  # fmt: skip


def _dead(series: _Series, error: float, output: _Output) -> _State | None:
    unmet = [name for name in series.terms if series.fall(f"loss_{name}") < TERM]
    if not output.spread < CONSTANT * output.most or not (error > BAD if math.isfinite(error) else unmet):
        return None
    but = f"the relative L2 error is {error:.2g}" if math.isfinite(error) else f"{_listed(unmet)} fell less than tenfold"
    why = (
        f"The output varies over the points by {_number(100 * output.spread / output.most)}% of the most that it did, and {but}."
    )
    return "dead", why, (
        "Go back to weights from before, or begin from another start, with a smaller learning rate.",
        f"If a constant solves the equation, {_heavier(series)}.",
    )  # fmt: skip


def _starved(series: _Series, output: _Output) -> _State | None:
    fell = series.fall("loss_residual")
    unmet = [
        name
        for name in series.terms
        if not any(word in name.lower() for word in PENALTIES)
        and series.fall(f"loss_{name}") < TERM
        and not series.tail(f"loss_{name}") < MET * output.spread**2
    ]
    if not fell >= RESIDUAL or not unmet:
        return None
    worst = min(unmet, key=lambda name: series.fall(f"loss_{name}"))
    by = series.fall(f"loss_{worst}")
    went = f"fell {_number(by)} times" if by >= 1.0 else f"grew {_number(1 / by)} times"
    why = f"{worst} {went} from its start to {series.tail(f'loss_{worst}'):.2g}, while the residual fell {_number(fell)} times."
    first = f"Give {worst} a weight of about 20 times that of now, and again until it falls with the residual."
    if series.weights.points:
        first = f"Train without the points' weights, and give {worst} a weight of about 20. {BOTH}"
    return "starved", why, (
        first,
        "Or build the condition into the network, so that it holds exactly.",
        f"If {worst} is a penalty, or what is left of it is the noise of data, nothing is wrong.",
    )  # fmt: skip


def _overfit(output: _Output) -> _State | None:
    if not output.fresh > POINTS * output.trained:
        return None
    why = f"The median squared residual is {output.fresh:.2g} at fresh points and {output.trained:.2g} at the trained ones."
    return "overfit", why, ("Train on more points.", "Or draw new points now and then.")


def _plateau(series: _Series, error: float) -> _State | None:
    now, before = series.middle(series.loss), series.before()
    fell = series.start(series.loss) / now if now > 0 else math.inf
    far = math.isfinite(error) or fell < WHOLE
    if not now > FELL * before or not before > 0 or not far:
        return None
    why = f"{series.called} is {now:.2g}, {_percent(now / before)} of what it was half a decade of steps before."
    if series.last < FLAT:
        return "too short", f"{why} {series.last:,} steps are too few to call that a plateau.", ("Train on.",)
    return "plateau", why, (
        "Plot the output. If it is a part of the solution, go on to a limit that is set before; a smaller rate is no cure.",
        f"If it is a trivial one, {_heavier(series)} first: it is cheap.",
        BOTH if series.weights.points else ATTEND,
    )  # fmt: skip


def _heavier(series: _Series) -> str:
    """What to try against a trivial solution."""
    without = "train without the points' weights, and " if series.weights.points else ""
    return f"{without}give the data, initial or boundary terms a weight of about 20"


def _learning(series: _Series) -> _State:
    now, start, before = series.middle(series.loss), series.start(series.loss), series.before()
    if now == 0.0:
        return "learning", f"{series.called} is exactly zero: see whether zero, or a constant, solves what is asked.", ()
    share = f", {_percent(now / before)} of what it was half a decade of steps before" if before > 0 else ""
    fell = f"fell {_number(start / now)} times from its start to {now:.2g}" if 0 < now < start else f"is at {now:.2g}"
    return "learning", f"{series.called} {fell}{share}.", ()


def _what_is_read(series: _Series, output: _Output) -> tuple[Finding, ...]:
    """What the report leaves out, or cannot see."""
    found = []
    if series.alone:
        text = f"the last probe alone, step {series.last:,}, since its loss is less than a tenth of that of those before."
        found.append(Finding("tail", text, "One probe may be a chance; measure again."))
    if series.negative:
        text = f"{_listed(series.negative)} can be negative, so it is in none of the sums and ratios."
        found.append(Finding("left out", text))
    if not math.isfinite(output.spread):
        found.append(Finding("output", "not heard, so a dead network cannot be told from others."))
    return tuple(found)


def _phase(series: _Series) -> Finding:
    limit = "A phase says how far the batches agree; it says nothing about the size of the error."
    try:
        found = phases.detect(series.step.astype(int), series.history["snr"])
    except ValueError as error:
        return Finding("phase", f"not known: {error}.")
    name, start, _ = found.spans()[-1]
    now = series.tail("snr")
    if name == "fitting" and now < 1.0:
        text = f"fitting by the strict rule, which is not closed yet, though the SNR is {now:.2g} now."
        return Finding("phase", text, limit)
    since = f" since step {start:,}, after {', '.join(found.sequence[:-1])}" if found.sequence[1:] else ", and no other so far"
    return Finding("phase", f"{name}{since}.", limit)


def _collapse(series: _Series) -> tuple[Finding, ...]:
    found = collapses(series.step, series.history["loss_residual"])
    if not found:
        return ()
    last = found[-1]
    text = f"the residual fell a decade from step {last.start:,} to {last.end:,}, from a plateau to a new low."
    return (Finding("collapse", text, "It is read from the residual alone, which may fall while the error stays."),)


def _batches(series: _Series) -> tuple[Finding, ...]:
    snr, own, floor = series.tail("snr"), series.tail("snr_residual"), series.tail("floor")
    if math.isnan(snr):
        return ()
    agree = series.tail("alignment")
    cosine = f"; two batches' gradients have a mean cosine of {agree:.2f}" if math.isfinite(agree) else ""
    text = f"SNR {snr:.2g}{cosine}."
    limit = "A large SNR is no success: that of a dead network, or of one term alone, is large too."
    found = [Finding("batches", text, limit)]
    if own < NEAR * floor:
        found.append(
            Finding(
                "floor",
                f"The residual's own SNR is {own:.2g}, and pure noise gives {floor:.2g}: its mean cannot be told from zero.",
                "More batches do not change that; the training may go on all the same, by the other terms.",
            )
        )
    return tuple(found)


def _rules(series: _Series) -> tuple[Finding, ...]:
    """Which part of the gradient is the largest, and whether they cancel."""
    parts = {"residual": series.tail("signal_residual")} | {name: series.tail(f"signal_{name}") for name in series.terms}
    parts = {name: value for name, value in parts.items() if math.isfinite(value)}
    if len(parts) < 2:
        return ()
    (first, most), (second, next_most) = sorted(parts.items(), key=lambda part: -part[1])[:2]
    limit = "Adam divides by each weight's own scale, so a larger gradient is not a larger step in proportion."
    found = []
    if most > RULES * next_most:
        ratio = _number(most / next_most) if next_most else "many"
        found.append(Finding("terms", f"{first} rules: its gradient is {ratio} times that of {second}.", limit))
    else:
        found.append(Finding("terms", f"The largest gradients are alike: {first} {most:.2g}, {second} {next_most:.2g}.", limit))
    whole = series.tail("signal")
    if whole < CANCEL * next_most:
        text = f"They pull against each other: of all together {_percent(whole / most)} of the largest is left."
        found.append(Finding("balance", text, "So it is at a balance of the terms, which other weights would move."))
    return tuple(found)


def _setback(series: _Series) -> tuple[Finding, ...]:
    now, least = series.middle(series.loss), _least(series.loss)
    if not least > 0 or not now > RULES * least:
        return ()
    text = f"{series.called} is {_number(now / least)} times its smallest so far, {least:.2g}."
    return (Finding("setback", text, "The weights of that moment may be the better ones."),)


def _bursts(series: _Series) -> tuple[Finding, ...]:
    values = series.loss
    if len(values) < FEWEST:
        return ()
    around = np.array([np.median(values[max(k - 2, 0) : k + 3]) for k in range(len(values))])
    burst = values > GREW * around
    burst[:2] = False  # a start is no burst
    if not burst.any():
        return ()
    steps = ", ".join(f"{int(step):,}" for step in series.step[burst][:3])
    what = series.called[0].lower() + series.called[1:]
    text = f"At {int(burst.sum())} of {len(values)} probes {what} is more than tenfold that of those around it: step {steps}."
    return (Finding("bursts", text, "Between two probes there may be more. Keep the weights of the least loss."),)


def _fresh(output: _Output) -> tuple[Finding, ...]:
    if not math.isfinite(output.fresh):
        return ()
    text = f"Squared residual at fresh points: median {output.fresh:.2g}, at the trained ones {output.trained:.2g}."
    if not output.fresh_mean > RESIDUAL * output.fresh:
        return (Finding("fresh", text),)
    return (Finding("fresh", f"{text} The mean is {output.fresh_mean:.2g}: it is large in a few places, such as corners."),)


def _layers(series: _Series) -> tuple[Finding, ...]:
    if "saturation_bounds" not in series:
        return ()
    last = series.history["saturation_bounds"][-1]
    if not np.isfinite(last).any():
        return ()
    worst = int(np.nanargmax(last))
    if last[worst] < SATURATED:
        return ()
    text = f"{last[worst]:.0f}% of the activations of chosen layer {worst + 1} are near the bounds of their function."
    return (Finding("layers", text, "Saturation slows the layers before it; it is no error by itself."),)


def _error(error: float) -> Finding:
    if math.isnan(error):
        return Finding("error", "not known, there is no reference: loss and SNR cannot stand in for it.")
    return Finding("error", f"relative L2 {error:.2g}{'; the answer zero everywhere has 1' if error > BAD else ''}.")


def _measured(run: Run) -> _Output:
    problem, config = run.known_problem(), run.config
    others = problem.collocation_points(config.points, config.seed + 10_007, config.sampling)
    fresh, trained = (np.sum(np.atleast_2d(run.residual(points=p)) ** 2, axis=0) for p in (others, run.points))
    spread = float(np.sqrt(run.predict(run.points).var(0).mean()))
    before = [float(np.sqrt(run.predict(run.points, k).var(0).mean())) for k in range(len(run.snapshots["step"]))]
    return _Output(
        trained=float(np.median(trained)),
        fresh=float(np.median(fresh)),
        fresh_mean=float(np.mean(fresh)),
        spread=spread,
        most=max([spread, *before]),
    )


def _median(values: np.ndarray) -> float:
    """Of those that are finite; nan without."""
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else math.nan


def _least(values: np.ndarray) -> float:
    """Smallest median of five probes that follow each other."""
    windows = np.lib.stride_tricks.sliding_window_view(values, min(5, len(values)))
    medians = np.median(windows, axis=1)  # nan where one is
    return float(np.nanmin(medians)) if np.isfinite(medians).any() else math.nan


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _number(value: float) -> str:
    """With two digits, and without an exponent where that is short."""
    return f"{value:,.0f}" if 100 <= value < 1e6 else f"{value:.2g}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.01 else f"{100 * share:.2g}%"
