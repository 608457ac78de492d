"""Would another rule help on this problem?  The same trainings under several rules, compared seed by seed with the first.

.. code-block:: python

   comparison = pl.compare(problem, config, ["vanilla", "rba", "ramp", "data x 10"], seeds=5, folder="compare")
   print(comparison)            # a table, then the verdict in sentences
   comparison.plot()            # a figure
   comparison.runs["rba"][0]    # the runs, each a pl.Run

**What is compared** is the relative L2 error where the problem has a reference: the median over the probes of the last fifth of
a decade of steps, so that a burst at the last probe does not decide.  Without a reference it is the mean squared residual at
points that were not trained on, plus the mean squared misfit of the data, at the snapshots of the same steps.  That is a residual
and not an error: a small one does not prove a small error.

**The verdict** follows from the ratios of a rule's error to the baseline's, one a seed, by a rule that was set before any result:

* *helps*: at least 5 seeds, all ratios below 1, and their median below 0.8;
* *harms*: at least 5 seeds, all ratios above 1, and their median above 1.25;
* *no difference larger than 25%*: at least 5 seeds, and all ratios from 0.8 to 1.25;
* *cannot tell*: everything else, with the reason.

A run that diverged is worse than any that did not.  Between two rules that do not differ, n seeds agree by chance in 2 / 2^n of
all comparisons.  A verdict holds at the size at which it was made, and says nothing of longer trainings or larger networks.
"""

from __future__ import annotations

import dataclasses
import math
import operator
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import problems, weightings
from .config import Config
from .problems import Problem
from .rba import RBA
from .runs import Run, report
from .training.loop import Trainer
from .training.manifest import Entry, path_of, state
from .training.probe import FRESH_SEED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison", "Verdict", "compare", "verdict"]

ENOUGH = 5  # seeds
MARGIN = 1.25  # a ratio within this factor is no difference worth a word
WINDOW = 10**0.2  # the last steps, as a factor: a fifth of a decade
SAME = 1e-3  # relative; two machines differ by rounding alone
DATA = re.compile(r"data x (.*)")
CONSTANT = "constant"
#: Of lines, so that they are told apart in grey too: colour, dashes, marker.
STYLES = (
    *(("#000000", "-", "o"), ("#D55E00", "--", "s"), ("#0072B2", "-.", "^"), ("#009E73", ":", "D")),
    *(("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"), ("#E69F00", (0, (8, 2)), "P"), ("#56B4E9", (0, (1, 3)), "X")),
)


def compare(
    problem: Problem,
    config: Config,
    rules: Sequence[str] | Mapping[str, Config],
    *,
    seeds: int | Sequence[int] = 5,
    folder: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> Comparison:
    """Train a problem under several rules with the same seeds, and say which of them helps.

    The runs are made side by side, each in a process of its own with one CPU thread.  What is in ``folder`` is read, and what is
    half done there goes on.  How the verdict is found stands at the top of :mod:`pinnlib.comparison`.

    Args:
        problem: what to solve; one of your own may stand in a notebook.  What cannot be sent to another process is trained in
            this one, with a warning.
        config: all settings; those of its ``weighting``, if it has one, are those of the rule of this kind and of its controls.
        rules: names, of which the first is the baseline: those of :data:`pinnlib.weightings.NAMED`; ``"data x 10"``, a vanilla
            run whose conditions weigh 10 times as much, each of them; and ``"constant"``, a vanilla run with the weight that
            ``"rba"``, which must be among the rules, has in the end, the same at all steps and points.  Or anything else by its
            label, ``{label: config}``; the seeds follow from the argument ``config`` then, too.
        seeds: how many, from ``config.seed`` on, or which.
        folder: where the runs are and come to be, ``<rule>_seed<k>.npz``; None to keep them in memory alone.
        jobs: processes at work at once; as many as there are cores unless told, or one on a GPU.
        progress: show a progress bar on stderr.

    Returns:
        The :class:`Comparison`, with the runs.

    Raises:
        ValueError: the problem is not sound; rules that are unknown, too few or twice there; no seeds; a file in the folder that
            is of another problem or other settings.
        RuntimeError: runs failed; the others were made, and are kept.
        OSError: the folder cannot be written, or another comparison is at work in it.
        KeyboardInterrupt: Ctrl-C; what was trained is kept.
    """
    from .training import sweep  # not before: a run's process executes this module, which must not be there already

    _check_arguments(problem, config, jobs)
    configs = _configs(problem, config, rules)
    files = _files(configs)
    numbers = _seeds(seeds, config)
    if len(numbers) > 1 and config.start != "drawn" and not config.perturbation:
        raise ValueError(f"start = {config.start!r} is the same for all seeds: give start='drawn', or a perturbation")
    on_gpu = any(one.torch_device().type == "cuda" for one in configs.values() if one)
    at_once = jobs or (1 if on_gpu else min(_cores(), len(configs) * len(numbers)))
    where = Path(tempfile.mkdtemp(prefix="pinnlib-compare-") if folder is None else folder)
    again = f"the same command{f' with folder={str(where)!r}' if folder is None else ''} goes on"
    failed, diverged = dict[str, str](), set[str]()

    def train(entries: Sequence[Entry]) -> None:
        _check(entries, where)
        outcome = sweep.sweep(entries, where, jobs=at_once, progress=progress)
        failed.update(outcome.failed)
        diverged.update(outcome.diverged)

    # seed by seed, so that a comparison which is stopped has pairs
    grid = [(label, seed) for seed in numbers for label in configs]
    entries = {
        (label, seed): Entry(f"{files[label]}_seed{seed}", problem, dataclasses.replace(one, seed=seed))
        for label, seed in grid
        if (one := configs[label])
    }
    try:
        train(list(entries.values()))
        late = [seed for label, seed in grid if configs[label] is None]
        for seed in late:
            name, source = f"{files[CONSTANT]}_seed{seed}", entries["rba", seed]
            try:
                weight = _constant(Run.load(path_of(source, where), problem), config)
            except (ValueError, OSError) as error:
                failed[name] = str(error)
            else:
                one = dataclasses.replace(config, seed=seed, weighting=None, data_weight=weight)
                entries[CONSTANT, seed] = Entry(name, problem, one)
        if late:
            train([entries[CONSTANT, seed] for seed in late if (CONSTANT, seed) in entries])
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"the comparison was stopped; what was trained is in {where}, and {again}") from None
    except ValueError:
        if folder is None:
            shutil.rmtree(where, ignore_errors=True)
        raise
    broken = {name: why for name, why in failed.items() if name not in diverged}
    if broken:
        lines = "".join(f"\n  {name}: {why}" for name, why in broken.items())
        raise RuntimeError(f"{len(broken)} of {len(grid)} runs failed; the others are kept in {where}, and {again}:{lines}")
    runs = {label: [Run.load(path_of(entries[label, seed], where), problem) for seed in numbers] for label in configs}
    if folder is None:
        shutil.rmtree(where, ignore_errors=True)
    return Comparison(runs, frozenset(pair for pair, entry in entries.items() if entry.name in diverged))


# ---- what is asked for


def _check_arguments(problem: Problem, config: Config, jobs: int | None) -> None:
    if not isinstance(problem, Problem):
        raise ValueError(f"problem is {problem!r}: give an instance of a problem, such as pl.problems.Burgers()")
    if not isinstance(config, Config):
        raise ValueError(f"config is a {type(config).__name__}: give a pl.Config, which all rules share")
    if jobs is not None and (not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1):
        raise ValueError(f"jobs = {jobs!r}: give a whole number of at least 1, or None for as many as there are cores")


def _configs(problem: Problem, config: Config, rules: Sequence[str] | Mapping[str, Config]) -> dict[str, Config | None]:
    """Settings by label; None for those that follow from the other runs."""
    if isinstance(rules, str) or len(rules) < 2:
        raise ValueError(f"rules = {rules!r}: give at least two, the baseline first, such as ['vanilla', 'rba']")
    found: dict[str, Config | None] = {}
    for label in rules:
        if label in found:
            raise ValueError(f"the rule {label!r} is there twice: give each once")
        one = rules[label] if isinstance(rules, Mapping) else _config(label, problem, config)
        if isinstance(rules, Mapping) and not isinstance(one, Config):
            raise ValueError(f"the rule {label!r} is {one!r}: give a pl.Config")
        same = next((other for other, settings in found.items() if one and settings == one), None)
        if same is not None:
            raise ValueError(f"the rules {same!r} and {label!r} have the same settings: leave one of them out")
        found[label] = one
    if None in found.values() and "rba" not in found:
        raise ValueError(f"the rule {CONSTANT!r} takes the weight that RBA has in the end: give 'rba' among the rules too")
    return found


def _config(label: str, problem: Problem, config: Config) -> Config | None:
    """The settings of a rule by its name."""
    factor = DATA.fullmatch(label) if isinstance(label, str) else None
    if factor or label == CONSTANT:
        if not problem.conditions(config.data_points, config.seed):
            raise ValueError(f"the rule {label!r}: {problem!r} has no conditions that could weigh more, leave it out")
        if not factor:
            return None
        return dataclasses.replace(config, weighting=None, data_weight=config.data_weight * _positive(label, factor[1]))
    if label not in weightings.NAMED:
        names = ", ".join([*weightings.NAMED, CONSTANT])
        raise ValueError(f"the rule {label!r} is unknown: use one of {names}, 'data x 10', or a mapping {{label: config}}")
    rule, own = weightings.NAMED[label], config.weighting
    if isinstance(rule, RBA) and isinstance(own, RBA):
        rule = dataclasses.replace(own, assignment=rule.assignment)
    elif type(rule) is type(own):
        rule = own
    return dataclasses.replace(config, weighting=rule)


def _positive(label: str, text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0.0 < factor < math.inf:
        raise ValueError(f"the rule {label!r}: give a positive number, such as 'data x 10'")
    return factor


def _constant(run: Run, config: Config) -> float:
    """The weight of the data beside which an equation without weights counts as much as RBA's does in the end."""
    rule = weightings.followed(run.config.weighting)
    assert isinstance(rule, RBA)  # that is how the rule is made
    mean = float(np.mean(np.asarray(run.state["rba"], dtype=float) ** rule.power))
    if not 0.0 < mean < math.inf:
        raise ValueError(
            f"the rule {CONSTANT!r}: the weights of rba with seed {run.config.seed} have the mean {mean} in the end, leave it out"
        )
    return config.data_weight / mean


def _files(labels: Mapping[str, object]) -> dict[str, str]:
    """What each rule's files begin with."""
    found: dict[str, str] = {}
    for label in labels:
        name = re.sub(r"[^\w.+-]+", "_", label).strip("_.") if isinstance(label, str) else ""
        if not name:
            raise ValueError(f"the label {label!r} makes no name of a file: give a word")
        for other, taken in found.items():
            if taken.casefold() == name.casefold():  # one file where a file system does not tell capitals
                raise ValueError(f"the labels {other!r} and {label!r} make the same name of a file: change one of them")
        found[label] = name
    return found


def _seeds(seeds: int | Sequence[int], config: Config) -> list[int]:
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        if seeds < 1:
            raise ValueError(f"seeds = {seeds}: give at least 1, and {ENOUGH} for a verdict")
        return list(range(config.seed, config.seed + seeds))
    try:
        found = [operator.index(seed) for seed in seeds]  # type: ignore[union-attr]
    except TypeError:
        found = []
    if not found or min(found) < 0 or len(set(found)) < len(found):
        raise ValueError(f"seeds = {seeds!r}: give how many, or different whole numbers of at least 0, such as [0, 1, 2, 3, 4]")
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---- what is there already


def _check(entries: Sequence[Entry], folder: Path) -> None:
    """Say so where a file is foreign, and where the problem is not sound, before a process is begun.

    Raises:
        ValueError: so it is.
    """
    missing = None
    for entry in entries:
        path, found = path_of(entry, folder), state(entry, folder)
        if found.kind == "missing":
            missing = missing or entry
        elif found.kind == "damaged":  # or of a problem with other settings
            raise ValueError(f"{found.why}; or give another folder")
        elif found.kind == "stale":
            raise ValueError(f"{path} has {found.why}: give another folder, or move it away")
        elif not _starts_alike(Run.load(path, entry.given), entry.build()):
            raise ValueError(f"{path} is of a problem that begins with other losses or errors: give another folder")
    if missing:
        Trainer(missing.build(), dataclasses.replace(missing.config, compile=False))


def _starts_alike(run: Run, problem: Problem) -> bool:
    """Whether the formulas of a user's problem are still those of a run.

    A file cannot tell them, and in a notebook they change easily.  But it has what they gave at step 0.
    """
    if type(problem) in problems.KNOWN.values() or not len(run.history["step"]):
        return True
    trainer = Trainer(problem, dataclasses.replace(run.config, compile=False, probe_sharpness=0))
    if trainer.measure() is not None:
        return False
    now = trainer.history.rows[0][0]
    names = ("loss_residual", "loss_data", "rel_l2")
    return all(np.isclose(run.history[name][0], now[name], rtol=SAME, equal_nan=True) for name in names)


# ---- the verdict


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
        word, reason = f"no difference larger than {MARGIN - 1:.0%}", f"all {n} ratios lie from {least:g} to {most:g}"
    elif low <= 1.0 <= high:
        reason = f"the {n} ratios do not all lie on one side of 1"
    elif least <= middle <= most:
        reason = f"all {n} ratios lie on one side of 1, but their median is between {least:g} and {most:g}"
    elif high < 1.0:
        word, reason = "helps", f"all {n} ratios lie below 1, and their median below {least:g}"
    else:
        word, reason = "harms", f"all {n} ratios lie above 1, and their median above {most:g}"
    return Verdict(word, reason)


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
                if run.problem_spec["name"] != self._first.problem_spec["name"]:
                    what = f"{run.problem_spec['name']!r} and {self.baseline!r} {self._first.problem_spec['name']!r}"
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

    @property
    def measure(self) -> str:
        """What is compared, in words."""
        return "relative L2 error" if self.has_reference else "residual at fresh points"

    @cached_property
    def courses(self) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
        """Steps ``(n,)`` and what is compared there ``(n,)``, of each run: at all probes, or of a residual at the snapshots."""
        return {label: [self._course(run) for run in runs] for label, runs in self.runs.items()}

    def _course(self, run: Run) -> tuple[np.ndarray, np.ndarray]:
        if self.has_reference:
            return np.asarray(run.history["step"]), np.asarray(run.history["rel_l2"], dtype=float)
        problem, config, steps = run.known_problem(), self._first.config, run.snapshots["step"]
        # the same for all rules of a seed
        points = problem.collocation_points(config.points, FRESH_SEED + run.config.seed, config.sampling)
        scale = problem.residual_outputs.scale if problem.normalize else 1.0  # in the units of the loss
        values = [
            float(np.square(run.residual(k, points) / scale).mean(axis=-1).sum()) + float(run.at(step)["loss_data"])
            for k, step in enumerate(steps.tolist())
        ]
        return np.asarray(steps), np.array(values)

    @cached_property
    def errors(self) -> dict[str, list[float]]:
        """What is compared, of each run in the end; inf where it diverged."""
        found: dict[str, list[float]] = {}
        for label, runs in self.runs.items():
            found[label] = []
            for run, (step, values) in zip(runs, self.courses[label], strict=True):
                gone = (label, run.config.seed) in self.diverged or not len(step)
                error = math.inf if gone else float(np.median(values[step >= step[-1] / WINDOW]))
                found[label].append(error if math.isfinite(error) else math.inf)
        return found

    @cached_property
    def ratios(self) -> dict[str, list[float]]:
        """Of a rule's errors to the baseline's, one a seed, for all rules but the baseline; inf, 0 or nan where runs diverged."""
        with np.errstate(all="ignore"):
            base = np.array(self.errors[self.baseline])
            return {label: (np.array(own) / base).tolist() for label, own in self.errors.items() if label != self.baseline}

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """For all rules but the baseline; see the top of :mod:`pinnlib.comparison`."""
        return {label: verdict(ratios) for label, ratios in self.ratios.items()}

    def table(self) -> list[dict[str, Any]]:
        """A row a rule, of plain numbers and words; None where there is nothing.

        ``error`` (or ``residual``, without a reference), ``ratio`` and ``onset`` are medians over the seeds, each with its range:
        ``error_least``, ``error_largest``.  ``onset`` is the step where total diffusion starts, and ``onsets`` the number of runs
        that have it.  ``smaller`` is the number of seeds with a ratio below 1, ``seconds`` the median of a run.
        """
        rows = []
        for label, runs in self.runs.items():
            ratios, onsets = self.ratios.get(label, []), _onsets(runs)
            one = self.verdicts.get(label)
            rows.append(
                {"rule": label, "seeds": len(runs), "diverged": sum(math.isinf(error) for error in self.errors[label])}
                | _spread("error" if self.has_reference else "residual", self.errors[label])
                | _spread("ratio", [ratio for ratio in ratios if not math.isnan(ratio)])
                | {"smaller": sum(ratio < 1.0 for ratio in ratios) if ratios else None}
                | {"verdict": one.word if one else None}
                | _spread("onset", onsets)
                | {"onsets": len(onsets)}
                | {"seconds": float(np.median([run.provenance.get("wall_time", 0.0) for run in runs]))}
            )
        return rows

    def sentences(self) -> list[str]:
        """The verdict in sentences: of each rule, then of chance, of what is compared, and of the scale."""
        n, found = len(self.seeds), []
        for row in self.table()[1:]:
            one, ratio = self.verdicts[row["rule"]], _range(row, "ratio")
            lost = f" Of its runs {row['diverged']} diverged, and count as the worst." if row["diverged"] else ""
            found.append(
                f"{row['rule']} against {self.baseline}: {one.word}, since {one.reason}. The {self.measure} is {ratio} times "
                f"that of {self.baseline}, and smaller with {row['smaller']} of {_count(n, 'seed')}.{lost}"
            )
        lost_of_baseline = self.table()[0]["diverged"]
        if lost_of_baseline:
            found.append(f"Of the runs of {self.baseline} {lost_of_baseline} diverged, and count as the worst.")
        chance, others = 2.0 / 2.0**n, len(self.ratios)
        several = f", and one of {others} rules in at most {min(others * chance, 1.0):.3g}" if others > 1 else ""
        agree = f"{_count(n, 'seed')} agree by chance in 2/2^{n} = {chance:.3g} of all comparisons{several}"
        found.append(f"Between rules that do not differ, {agree}." if n > 1 else "One seed is an anecdote.")
        if not self.has_reference:
            found.append(
                "The problem has no reference: this is a residual and not an error, and a small one does not prove a small error."
            )
        configs = [run.config for runs in self.runs.values() for run in runs]
        scales = list(dict.fromkeys(f"{c.last_step:,} steps, {c.points:,} points, {c.width} x {c.depth} units" for c in configs))
        found.append(
            f"All of this holds at this scale ({'; '.join(scales)}), and says nothing of longer trainings or larger networks."
        )
        return found

    def _cells(self) -> list[list[str]]:
        """The table as text, with its head."""
        kind = "error" if self.has_reference else "residual"
        n = len(self.seeds)
        cells = [["rule", self.measure, f"ratio to {self.baseline}", "smaller", "diverged", "total diffusion from", "seconds"]]
        for row in self.table():
            onset = f"{_range(row, 'onset', ',.0f')}, {row['onsets']} of {n}" if row["onsets"] else "none"
            smaller = "" if row["smaller"] is None else f"{row['smaller']} of {n}"
            ratio = _range(row, "ratio") if row["smaller"] is not None else ""
            numbers = [f"{row['diverged']} of {n}", onset, f"{row['seconds']:,.3g}"]
            cells.append([row["rule"], _range(row, kind), ratio, smaller, *numbers])
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

        On the right a line is a seed.  Runs that diverged stand as crosses above all others.

        Returns:
            The :class:`matplotlib.figure.Figure`, to change or to save by its ``savefig``; a notebook shows what a cell returns.
        """
        return _figure(self)


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


# ---- the figure


def _figure(of: Comparison) -> Figure:
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), constrained_layout=True, facecolor="white")
    for k, (label, courses) in enumerate(of.courses.items()):
        colour, dashes, _ = STYLES[k % len(STYLES)]
        step, middle, low, high = _over_seeds(courses)
        left.plot(step, middle, color=colour, ls=dashes, lw=1.4, label=label)
        left.fill_between(step, low, high, color=colour, alpha=0.15, lw=0)
    left.set_xscale("log")
    left.set_yscale("log")
    left.set_xlabel("step")
    left.set_ylabel(f"{of.measure}, median and range")
    left.legend(frameon=False, fontsize=8)

    values = np.array(list(of.errors.values()))  # (n_rules, n_seeds)
    fine = np.isfinite(values)
    top = 2.0 * values[fine].max() if fine.any() else 1.0
    shown, places = np.where(fine, values, top), np.arange(len(values))
    right.plot(places, shown, color="#999999", lw=0.7, zorder=1)
    for k in range(len(values)):
        colour, _, marker = STYLES[k % len(STYLES)]
        right.plot(np.full(fine[k].sum(), k), shown[k][fine[k]], ls="", marker=marker, color=colour, ms=5, alpha=0.8)
    if not fine.all():
        right.plot(np.nonzero(~fine)[0], shown[~fine], ls="", marker="x", color="black", ms=7, label="diverged")
        right.legend(frameon=False, fontsize=8)
    right.set_yscale("log")
    right.set_xticks(places, list(of.errors), rotation=20 if len(values) > 3 else 0)
    right.set_xlim(-0.5, len(values) - 0.5)
    right.set_ylabel(f"{of.measure} in the end, a line a seed")
    right.set_xlabel("rule")
    fig.suptitle(f"{_count(len(of.seeds), 'seed')}; baseline: {of._first.config.describe()}", fontsize=9)
    if "inline" in mpl.get_backend():  # a notebook shows what a cell returns, and would show an open figure a second time
        plt.close(fig)
    return fig


def _over_seeds(courses: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Steps, median, least and largest over the runs that have come so far, where a logarithmic axis can show them."""
    by_step: dict[int, list[float]] = {}
    for step, values in courses:
        for at, value in zip(step.tolist(), values.tolist(), strict=True):
            if at > 0 and 0.0 < value < math.inf:
                by_step.setdefault(at, []).append(value)
    steps = sorted(by_step)
    parts = [[f(by_step[at]) for at in steps] for f in (np.median, min, max)]
    middle, low, high = (np.array(part, dtype=float) for part in parts)
    return np.array(steps), middle, low, high
