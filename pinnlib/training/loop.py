"""Adam on a PINN's loss, watched by probes: measure, step, keep."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..config import Config
from ..problems import checks
from ..problems.base import Problem
from ..runs import Run
from ..weightings import RAD
from . import distributed, progress
from .adam import Adam
from .checkpoint import Callback, Checkpoint, Path
from .finish import Finish
from .history import History
from .interrupts import interrupts
from .objective import LossAndGradients, MiniBatches, Objective, resample
from .probe import Probe
from .state import State

__all__ = ["Trainer"]


class Trainer:
    """One training, or several seeds at once; arguments as those of :class:`pinnlib.training.state.State`."""

    def __init__(self, problem: Problem, config: Config, seeds: Sequence[int] | None = None) -> None:
        torch.set_float32_matmul_precision("highest")  # TF32 changes what a PINN converges to
        self.problem, self.config = problem, config
        # first, since it says which GPU is this process's
        self.world = distributed.start(config.torch_device(), alone=seeds is None, whole=not config.minibatch)
        self.state = state = State(problem, config, seeds)
        self.objective = Objective.of(problem, state, self.world)
        self.minibatches = MiniBatches(self.objective, state) if config.minibatch else None
        self.adam = Adam(state, recorded=self.world.size == 1 and not config.minibatch)
        if config.finish and not self.state.alone:
            raise ValueError(
                f"finish = {config.finish!r} with several seeds at once: train them one by one, or finish each by branch"
            )
        self.finish = Finish(state, self.objective) if config.finish else None
        self.probe = Probe(problem, self.objective, state)
        self.history = History(problem, state)
        self.ready: LossAndGradients | None = None  # of the coming step, where they are known

    def run(
        self, files: Sequence[Path | None], every: float, until: int | None, show: bool, callback: Callback | None = None
    ) -> list[Run]:
        """Train to the end, to ``until``, to Ctrl-C, or till ``callback`` says so; returns a Run for each member."""
        config, state, history = self.config, self.state, self.history
        last = config.last_step
        end = last if until is None else min(until, last)
        checkpoint = Checkpoint(state, self.adam, self.finish, self.objective, history, files, every)
        self.world.check_same(state.step, state.theta, self.objective.collocation.points, state.attention)
        probe_steps, snapshot_steps = history.probe_steps, set(config.snapshot_steps().tolist())
        shown = progress.bar(last, state.step, show and self.world.first)
        with checkpoint.keeping(), shown as bar, interrupts(self.world) as interrupt:
            while True:
                # measure, from the very gradients that the coming step uses
                if state.step in probe_steps and not history.probed and (state.step < end or state.step >= last):
                    if (lost := self.measure()) is not None:
                        raise checkpoint.diverged(lost)
                    if state.step in snapshot_steps:
                        history.keep_weights()
                    checkpoint.remember()
                    progress.show(bar, history.last)
                    if callback and checkpoint.call(callback):
                        break
                if state.step >= end or interrupt.asked:
                    break
                # one step: Adam on the network's weights, the rule on the points' weights
                if state.step < config.steps:
                    if (lost := self.advance()) is not None:
                        raise checkpoint.diverged(lost)
                    bar.update()
                # or, in the end, L-BFGS, till it finds nothing better
                elif self.finish and self.finish.step():
                    state.step += 1
                    bar.update()
                else:
                    end = last = state.step
                    probe_steps.add(last)
                    snapshot_steps.add(last)
                    history.finished = True
                # keep
                if checkpoint.due:
                    checkpoint.save()
        return checkpoint.save()

    def measure(self) -> Tensor | None:
        """Measure at this step, with the points' weights that the config asks for; returns losses only if not all are finite."""
        config, finishing = self.config, self.config.finish is not None and self.state.step >= self.config.steps
        used = finishing or (config.probe_rba == "used" and self.objective.weighted)
        here = self.ready = self.objective(self.state, apart=True, update=not used)
        adam = self.adam if self.state.step <= config.steps else None
        rows = self.probe(self.state, here, adam, self.history.wall_time, sharpness=self.history.wants_sharpness)
        if not all(math.isfinite(row["loss"]) for row in rows):
            if not self.state.step and bool(torch.isfinite(self.state.theta).all()):
                checks.check_start(self.problem, self.objective.collocation.places[0], here.residual)
                checks.check_misfits(self.problem, self.objective.collocation.conditions, here.losses_data)
            return here.loss
        self.history.append(rows)
        if used or config.minibatch:  # the coming step has other gradients
            self.ready = None
        return None

    def advance(self) -> Tensor | None:
        """One step; where a loss is not finite nothing changes, and the losses are returned.

        A GPU is not asked for its loss, since that would wait for it: there the next probe finds out.
        """
        config, state, objective = self.config, self.state, self.minibatches or self.objective
        self.adam.set_rate(config.learning_rate(state.step))
        if self.adam.graph and self.ready is None:
            self.adam.recorded_step(state, objective)
        else:
            self.ready = self.ready or objective(state)
            if not self.ready.finite:
                return self.ready.loss
            self.adam.step(state, self.ready)
        state.step, self.ready = state.step + 1, None
        if isinstance(config.weighting, RAD) and state.step % config.weighting.every == 0:
            resample(self.objective, state, config.weighting, in_place=self.adam.graph is not None)
        return None
