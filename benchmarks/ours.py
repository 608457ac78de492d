"""The step of this library's own training loop, on the case of the benchmarks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

import pinnlib as pl
from pinnlib import models, snr
from pinnlib.training import Trainer

from .case import LEARNING_RATE, Case

__all__ = ["compiled", "eager", "with_snr"]


def compiled(case: Case) -> Callable[[], float]:
    """With the activations fused by torch's compiler."""
    return _step(trainer(case, compile=True))


def eager(case: Case) -> Callable[[], float]:
    """Without a compiler."""
    return _step(trainer(case, compile=False))


def with_snr(case: Case, batches: int = 100, *, compile: bool = True) -> Callable[[], float]:
    """A step, and signal and noise of its batches' gradients."""
    one = trainer(case, compile=compile, batches=batches)
    measured = []

    def step() -> float:
        one.ready = one.evaluate(apart=True)
        loss = float(one.ready.loss)
        measured[:] = [
            snr.statistics(
                *(models.split(g, one.sizes)[: case.depth + 1] for g in (one.ready.batch_grads, one.ready.data_grads))
            ).snr
        ]
        one.advance()
        return loss

    return step


def trainer(case: Case, *, compile: bool, batches: int = 2) -> Trainer:
    """A training that starts from the case's weights, at its points."""
    config = pl.Config(
        width=case.width, depth=case.depth, points=case.points, batches=batches, lr=LEARNING_RATE, compile=compile, device="cpu"
    )
    one = Trainer(pl.problems.AllenCahn(), config)
    one.theta.data.copy_(torch.as_tensor(np.concatenate([p.ravel() for p in (*case.weights, *case.biases)])))
    one.points = torch.as_tensor(case.collocation)
    one.data = [torch.as_tensor(case.data_points), torch.as_tensor(case.data_values)]
    one._make_terms()
    return one


def _step(one: Trainer) -> Callable[[], float]:
    def step() -> float:
        one.ready = one.evaluate()
        loss = float(one.ready.loss)
        one.advance()
        return loss

    return step
