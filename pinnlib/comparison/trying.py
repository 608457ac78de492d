"""The trainings of a comparison: which there are, which are there already, and the rest in processes side by side."""

from __future__ import annotations

import dataclasses
import math
import operator
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .. import problems, weightings
from ..config import Config
from ..problems import Problem
from ..rba import RBA
from ..runs import Run
from ..training.loop import Trainer
from ..training.manifest import Entry, path_of, state
from .result import ENOUGH, Comparison

__all__ = ["compare"]

SAME = 1e-3  # relative; two machines differ by rounding alone
DATA = re.compile(r"data x (.*)")
CONSTANT = "constant"


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
    from ..training import sweep  # not before: a run's process executes this module, which must not be there already

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
