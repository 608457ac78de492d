"""The step of this library's own training loop, on the case of the benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

import pinnlib as pl
from pinnlib import models, snr
from pinnlib.taylor import native
from pinnlib.training.collocation import Collocation
from pinnlib.training.loop import Trainer

from .case import DATA, LEARNING_RATE, Case

__all__ = ["compiled", "eager", "forget", "seeds_one_by_one", "seeds_together", "trainer", "with_snr"]


def compiled(case: Case) -> Callable[[], float]:
    """In machine code."""
    return _step(trainer(case, compile=True))


def eager(case: Case) -> Callable[[], float]:
    """Without a compiler."""
    return _step(trainer(case, compile=False))


def with_snr(case: Case, batches: int, *, compile: bool = True) -> Callable[[], tuple[float, float]]:
    """A step, and signal over noise of its batches' gradients; returns the loss and that."""
    one = trainer(case, compile=compile, batches=batches)

    def step() -> tuple[float, float]:
        one.ready = one.objective(one.state, apart=True)
        grads = (models.split(g, one.state.sizes)[: case.depth + 1] for g in (one.ready.batch_grads, one.ready.data_grads))
        found = float(one.ready.loss), snr.statistics(*grads).snr
        one.advance()
        return found

    return step


def seeds_together(case: Case, seeds: Sequence[int], *, compile: bool) -> Callable[[], object]:
    """A step of an ensemble."""
    return Trainer(pl.problems.AllenCahn(), config(case, compile=compile), seeds).advance


def seeds_one_by_one(case: Case, seeds: Sequence[int], *, compile: bool) -> Callable[[], object]:
    """A step of each seed alone."""
    alone = [Trainer(pl.problems.AllenCahn(), config(case, compile=compile, seed=seed)) for seed in seeds]

    def step() -> None:
        for one in alone:
            one.advance()

    return step


def forget() -> None:
    """Take machine code from the cache or make it anew, as a new process would."""
    native.library.cache_clear()


def config(case: Case, *, compile: bool, batches: int = 2, seed: int = 0) -> pl.Config:
    """The settings of a case."""
    return pl.Config(
        width=case.width,
        depth=case.depth,
        points=case.points,
        data_points=DATA,
        batches=batches,
        lr=LEARNING_RATE,
        seed=seed,
        compile=compile,
        device="cpu",
    )


def trainer(case: Case, *, compile: bool, batches: int = 2) -> Trainer:
    """A training that starts from the case's weights, at its points."""
    one = Trainer(pl.problems.AllenCahn(), config(case, compile=compile, batches=batches))
    one.state.theta.data.copy_(torch.as_tensor(np.concatenate([p.ravel() for p in (*case.weights, *case.biases)])))
    data = [torch.as_tensor(case.data_points), torch.as_tensor(case.data_values)]
    one.objective.take(Collocation(torch.as_tensor(case.collocation), data))
    return one


def _step(one: Trainer) -> Callable[[], float]:
    def step() -> float:
        one.ready = one.objective(one.state)
        loss = float(one.ready.loss)
        one.advance()
        return loss

    return step
