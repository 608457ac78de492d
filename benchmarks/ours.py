"""The step of this library's own training loop, on the case of the benchmarks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

import pinnlib as pl
from pinnlib import snr
from pinnlib.gradients import DataTerm
from pinnlib.training import _Trainer

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
        one.ready = one._evaluate(apart=True)
        loss = float(one.ready.loss)
        measured[:] = [snr.statistics(snr.by_layer(one.ready.batch_grads), snr.by_layer(one.ready.data_grads)).snr]
        one._advance()
        return loss

    return step


def trainer(case: Case, *, compile: bool, batches: int = 2) -> _Trainer:
    """A training that starts from the case's weights, at its points."""
    config = pl.Config(
        width=case.width, depth=case.depth, points=case.points, batches=batches, lr=LEARNING_RATE, compile=compile, device="cpu"
    )
    one = _Trainer(pl.problems.AllenCahn(), config)
    one.theta.data.copy_(torch.as_tensor(np.concatenate([p.ravel() for p in (*case.weights, *case.biases)])))
    one._set_points(torch.as_tensor(case.collocation))
    weights = list(one.model.weights)
    data = (torch.as_tensor(case.data_points), torch.as_tensor(case.data_values))
    one.data_term = DataTerm(*data, weights=weights, activation=one.model.activation)
    return one


def _step(one: _Trainer) -> Callable[[], float]:
    def step() -> float:
        one.ready = one._evaluate()
        loss = float(one.ready.loss)
        one._advance()
        return loss

    return step
