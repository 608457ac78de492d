"""SNR and phases of a training by DeepXDE, with its backend of torch.

>>> from pinnlib.integrations.deepxde import SNRMonitor  # doctest: +SKIP
>>> watch = SNRMonitor(period=50)  # doctest: +SKIP
>>> model.train(iterations=10_000, callbacks=[watch])  # doctest: +SKIP
>>> print(watch.monitor.report())  # doctest: +SKIP

DeepXDE evaluates its own loss, with its weights, conditions and transforms; the callback listens to it, so nothing is written
twice.  Source of the library: Lu et al., DeepXDE, SIAM Review 63 (2021) 208.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..monitor import Loss, Monitor
from ..monitoring.given import whole
from .watching import Watching

os.environ.setdefault("DDE_BACKEND", "pytorch")  # without, DeepXDE writes its choice into the home folder
try:
    import deepxde as dde
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("this monitor needs DeepXDE: pip install 'pinnlib[deepxde]'") from error

__all__ = ["SNRMonitor"]


class SNRMonitor(Watching, dde.callbacks.Callback):
    """A callback that measures every ``period`` steps; all else is :class:`pinnlib.monitor.Monitor`'s.

    The points of the equation are cut into batches; conditions count as terms that all batches share.

    Args:
        batches: equal parts of the points.
        period: steps from one probe to the next; L-BFGS calls back when it has made many, and is measured then.
        names: of all losses in DeepXDE's order, equations first; the classes of the conditions unless told.
        shuffle: seed of the one permutation of the points that is cut, since DeepXDE's are in order; None: as they come.
        settings: others of :class:`pinnlib.monitor.Monitor`, such as ``biases`` and ``layers``.
            The relative L2 error is DeepXDE's, at its points of test, where the data have a solution.

    Raises:
        ValueError: another backend, a period that is not a whole number, or what :class:`pinnlib.monitor.Monitor` finds wrong;
            while training, a loss that is not a mean square.
    """

    def __init__(
        self,
        batches: int = 32,
        period: int = 50,
        *,
        names: Sequence[str] | None = None,
        shuffle: int | None = 0,
        **settings: Any,
    ) -> None:
        super().__init__()
        if dde.backend.backend_name != "pytorch":
            raise ValueError(
                f"DeepXDE's backend is {dde.backend.backend_name!r}: set DDE_BACKEND=pytorch before deepxde is imported"
            )
        self.period, self.names = whole("period", period, 1, "give a whole number of steps, at least 1"), names
        self._settings = {"batches": batches, "shuffle": shuffle, "every": self.period, "drop_last": True} | settings
        self._last: float = -math.inf

    def init(self) -> None:
        """Begin anew with another model."""
        self._monitor, self._last = None, -math.inf

    def on_train_begin(self) -> None:
        """Watch the model, with its present optimizer."""
        if not isinstance(self.model.data, dde.data.PDE) or self.model.data.pde is None:
            what = type(self.model.data).__name__
            raise ValueError(
                f"the model's data are {what}, without an equation at points: the monitor knows dde.data.PDE and its kinds"
            )
        if self._monitor is None:
            fresh = self._fresh if self.model.data.test_x is not self.model.data.train_x else None
            error = self._error if isinstance(self.model.train_state.y_test, np.ndarray) else None
            self._monitor = Monitor(self.model.net, loss=self._loss, fresh=fresh, error=error, **self._settings)
        self.monitor.optimizer = self.model.opt

    def on_batch_begin(self) -> None:
        """Measure, if a probe is due."""
        if self.model.train_state.step - self._last >= self.period:
            self._measure()

    def on_train_end(self) -> None:
        """Measure what the training has come to."""
        if self.model.train_state.step > self._last:
            self._measure()

    def _measure(self) -> None:
        step = self.model.train_state.step
        self._last = step
        try:
            self.monitor.measure(step)
        finally:
            dde.gradients.clear()  # derivatives of the monitor's own graph

    def _loss(self) -> Loss:
        model, data = self.model, self.model.data
        x, y, more = data.train_next_batch(model.batch_size)
        with _listening(data, "losses_train") as heard:
            losses = model.outputs_losses_train(x, y, more)[1]
        count = len(heard) - len(data.bcs)
        names = self._names(count, len(losses))
        factors = [1.0] * len(losses) if model.loss_weights is None else list(model.loss_weights)
        weights = {name: float(factor) for name, factor in zip(names, factors, strict=False)}
        residuals = {name: _residual(name, *one) for name, one in zip(names, heard[:count], strict=False)}
        n = len(next(iter(residuals.values())))
        own = residuals if count > 1 else residuals[names[0]]
        return Loss(
            residuals=own,
            terms={name: one for name, one in zip(names[count:], losses[count:], strict=True) if one.requires_grad},
            weights={name: weights[name] for name in residuals} if count > 1 else weights[names[0]],
            points=np.asarray(x)[len(x) - n :],
            first=len(x) - n,
            rows=len(x),
        )

    def _names(self, equations: int, losses: int) -> list[str]:
        """Of all losses, those of equations first."""
        if self.names is not None:
            if len(self.names) != losses:
                raise ValueError(f"names has {len(self.names)} and the loss {losses} parts: give one for each, equations first")
            return list(self.names)
        classes = [type(bc).__name__ for bc in self.model.data.bcs]
        classes += ["regularization"] * (losses - equations - len(classes))
        seen: Counter[str] = Counter()
        found = [f"pde_{k}" for k in range(equations)]
        for name in classes:
            seen[name] += 1
            found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
        return found

    def _fresh(self) -> dict[str, Tensor]:
        """Residuals at DeepXDE's points of test."""
        model = self.model
        x, y, more = model.data.test()
        with _listening(model.data, "losses_test") as heard:
            model.outputs_losses_test(x, y, more)
        count = len(heard) - len(model.data.bcs)
        return {f"pde_{k}": _residual(f"pde_{k}", *one) for k, one in enumerate(heard[:count])}

    def _error(self) -> float:
        """Relative L2 error at DeepXDE's points of test."""
        state = self.model.train_state
        return float(dde.metrics.l2_relative_error(state.y_test, self.model.outputs(False, state.X_test).detach().cpu().numpy()))


_Heard = list[tuple[Tensor, Tensor, Callable[[Tensor, Tensor], Tensor]]]


@contextmanager
def _listening(data: Any, name: str) -> Iterator[_Heard]:
    """Take down of what, in ``data``, losses are made: true and found values, and the function of both."""
    heard: _Heard = []
    original = getattr(data, name)

    def recorder(one: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        def record(true: Tensor, found: Tensor) -> Tensor:
            heard.append((true, found, one))
            return one(true, found)

        return record

    def losses(targets: Any, outputs: Any, loss_fn: Any, *rest: Any, **more: Any) -> Any:
        each = [recorder(one) for one in loss_fn] if isinstance(loss_fn, list | tuple) else recorder(loss_fn)
        return original(targets, outputs, each, *rest, **more)

    setattr(data, name, losses)
    try:
        yield heard
    finally:
        delattr(data, name)


def _residual(name: str, true: Tensor, found: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """What is squared, ``(n_points,)``.

    Raises:
        ValueError: the loss is not its mean square.
    """
    residual = found - true
    if not torch.allclose(loss(true, found), residual.square().mean(), rtol=1e-5, equal_nan=True):
        called = getattr(loss, "__name__", repr(loss))
        raise ValueError(f"the loss of {name} is {called}: the monitor needs a mean square, compile the model with loss='MSE'")
    if residual.ndim == 2 and residual.shape[1] > 1:  # the mean square over points and columns
        residual = torch.linalg.vector_norm(residual, dim=1) / math.sqrt(residual.shape[1])
    return residual
