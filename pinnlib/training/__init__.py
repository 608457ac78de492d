"""Full-batch Adam on a PINN's loss, watched by probes, never losing what was trained."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch

from ..config import Config
from ..problems.base import Problem
from ..runs import Run
from .checkpoint import Callback, Path, TrainingDiverged
from .costs import Budget
from .cuda_graph import WARM_UP
from .loop import Trainer
from .restore import begin_branch, restore

__all__ = ["Forecast", "TrainingDiverged", "branch", "forecast", "resume", "train", "train_ensemble"]


def train(
    problem: Problem,
    config: Config,
    *,
    checkpoint: Path | None = None,
    checkpoint_every: float = 60.0,
    until: int | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> Run:
    """Train a PINN; returns its :class:`~pinnlib.Run`.

    Ctrl-C ends the training after the current step and returns the run so far.

    Args:
        problem: what to solve.
        config: all settings.
        checkpoint: a file that is renewed every ``checkpoint_every`` seconds and at the end; :func:`resume` goes on from it.
            It must be a new one: what an earlier training has left there is not overwritten.
        until: stop before this step, as an interruption would.
        progress: show a progress bar on stderr.
        checkpoint_every: seconds between two checkpoints.
        callback: called at each probe with its row of the history and the run so far; the training stops where it returns
            True.  See :class:`pinnlib.StopWhen` for one that is ready.  It must not change the problem: on a GPU steps are
            recorded, and go on with the numbers that they were recorded with.

    Raises:
        FileExistsError: the checkpoint exists already.
        ValueError: the problem is not sound, see :mod:`pinnlib.problems.checks`; CUDA was asked for and is not there.
        TrainingDiverged: the loss became nan or inf.
        Exception: whatever a step raises, such as a lack of memory.  Once there was a probe, the checkpoint and the error's
            ``run`` have the last good state.
    """
    _check_free(checkpoint)
    return Trainer(problem, config).run([checkpoint], checkpoint_every, until, progress, callback)[0]


def train_ensemble(
    problem: Problem,
    config: Config,
    seeds: Sequence[int],
    *,
    checkpoint: Path | None = None,
    checkpoint_every: float = 60.0,
    until: int | None = None,
    progress: bool = True,
) -> list[Run]:
    """Train several seeds at once, as one network with a leading axis; a :class:`~pinnlib.Run` a seed.

    Each run is what :func:`train` gives for that seed, up to rounding.  Small networks share what a step costs
    besides arithmetic; large ones gain nothing.  ``wall_time`` is that of all together.

    Args:
        problem: what to solve.
        config: all settings; its own seed is not used.
        seeds: of the networks and their points, each once.
        checkpoint: a file for each seed, with ``{seed}`` in its name; :func:`resume` goes on from each alone.
        checkpoint_every: as in :func:`train`.
        until: as in :func:`train`.
        progress: as in :func:`train`.

    Raises:
        FileExistsError: a checkpoint exists already.
        ValueError: no seeds, a seed twice, or a checkpoint's name without ``{seed}``.
        TrainingDiverged: a loss became nan or inf; the error names the seed and has all runs.
        Exception: as in :func:`train`; it has all ``runs`` too.
    """
    seeds = list(seeds)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds = {seeds}: give at least one, and each once, so that no run is trained twice")
    if checkpoint is not None and "{seed}" not in os.fspath(checkpoint):
        raise ValueError(
            f"checkpoint {os.fspath(checkpoint)!r}: put {{seed}} into its name, so that each seed has a file of its own"
        )
    files = [None if checkpoint is None else os.fspath(checkpoint).replace("{seed}", str(seed)) for seed in seeds]
    _check_free(*files)
    return Trainer(problem, config, seeds).run(files, checkpoint_every, until, progress)


def resume(
    source: Path | Run,
    *,
    problem: Problem | None = None,
    steps: int | None = None,
    device: str | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: float = 60.0,
    until: int | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> Run:
    """Go on from a checkpoint or a run; on the same device the result is that of an uninterrupted training, bit for bit.

    Args:
        source: the file, or the run.
        problem: needed where it is one of your own.
        steps: train to this step instead of the config's.
        device: train there instead of the config's device, such as ``"cpu"`` for a run that began on a GPU.
        checkpoint: as in :func:`train`; the source's own file unless told.
        checkpoint_every: as in :func:`train`.
        until: as in :func:`train`.
        progress: as in :func:`train`.
        callback: as in :func:`train`.

    Raises:
        ValueError: the run has passed ``steps``, or was made compact.
        TrainingDiverged: as in :func:`train`.
        Exception: as in :func:`train`.
    """
    if not isinstance(source, Run):
        checkpoint = source if checkpoint is None else checkpoint
        source = Run.load(source, problem)
    problem = problem or source.known_problem()
    config = source.config
    if steps is not None:
        if steps < source.step:
            raise ValueError(f"steps = {steps}: the run is already at step {source.step}; give a later step")
        if source.step > config.steps != steps:
            raise ValueError(
                f"steps = {steps}: the run has gone on from Adam's step {config.steps} by L-BFGS; begin from an earlier one"
            )
        config = Config.from_dict(config.as_dict() | {"steps": steps})
    if device is not None:
        config = Config.from_dict(config.as_dict() | {"device": device})
    trainer = Trainer(problem, config)
    restore(trainer, source)
    return trainer.run([checkpoint], checkpoint_every, until, progress, callback)[0]


def branch(
    source: Path | Run,
    *,
    problem: Problem | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: float = 60.0,
    until: int | None = None,
    progress: bool = True,
    callback: Callback | None = None,
    **changes: Any,
) -> Run:
    """Begin a new run where another stands, under other settings.

    It takes over the network, Adam's moments, the points and their weights, and the step's number; not the history.

    Args:
        source: the file, or the run; not a compact one.
        problem: needed where it is one of your own.
        checkpoint: as in :func:`train`.
        checkpoint_every: as in :func:`train`.
        until: as in :func:`train`.
        progress: as in :func:`train`.
        callback: as in :func:`train`.
        changes: settings of :class:`~pinnlib.config.Config` that differ from the source's, ``steps`` among them: the number
            of the last step, counted from the source's own beginning.

    Raises:
        FileExistsError: the checkpoint exists already.
        ValueError: other networks or points, or a last step that the source has passed.
        TrainingDiverged: as in :func:`train`.
        Exception: as in :func:`train`.
    """
    _check_free(checkpoint)
    if not isinstance(source, Run):
        source = Run.load(source, problem)
    trainer = Trainer(problem or source.known_problem(), dataclasses.replace(source.config, **changes))
    begin_branch(trainer, source)
    return trainer.run([checkpoint], checkpoint_every, until, progress, callback)[0]


def _check_free(*files: Path | None) -> None:
    """Refuse to begin where an earlier training has left its file, even one of the same settings: it may be further on.

    Raises:
        FileExistsError: there is one.
    """
    for file in files:
        if file is None or not os.path.isfile(file):
            continue
        try:
            what = f"with a run of step {Run.load(file).step:,}"
        except (ValueError, OSError):
            what = "and is no run"
        raise FileExistsError(
            f"{os.fspath(file)} exists already, {what}: pl.resume goes on with a run, or give the checkpoint another name"
        )


class Forecast(Budget):
    """What a training would take on this machine, in seconds, as measured on a few steps."""

    def __str__(self) -> str:
        hours, rest = divmod(round(self.total), 3600)
        whole = f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
        return (
            f"about {whole}: {self.steps:,} steps at {1 / self.step:,.3g} a second, {self.probes:,} probes of {self.probe:.2g} s"
        )


def forecast(problem: Problem, config: Config, *, steps: int = 5) -> Forecast:
    """How long :func:`train` would take here; a few steps and a probe are made, and thrown away.

    Args:
        problem: what to solve.
        config: all settings.
        steps: how many steps are timed, after one that is not; on a GPU after those until the step is recorded.
    """
    trainer = Trainer(problem, config)
    device = trainer.state.device

    def seconds(act: Callable[[], object]) -> float:
        begun = time.perf_counter()
        act()
        if device.type == "cuda":  # else only the launching would be timed
            torch.cuda.synchronize(device)
        return time.perf_counter() - begun

    for _ in range(WARM_UP + 2 if trainer.adam.graph else 1):
        seconds(trainer.advance)
    one = median(seconds(trainer.advance) for _ in range(steps))
    # the pass of a probe is the step's own
    probe = max(median(seconds(trainer.measure) for _ in range(2)) - one, 0.0)
    return Forecast(one, probe, config.last_step, len(config.probe_steps()))
