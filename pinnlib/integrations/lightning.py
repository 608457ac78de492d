"""SNR and phases of a training by Lightning: of PINA's solvers, and of any other LightningModule that says what its loss is.

>>> from pinnlib.integrations.lightning import SNRMonitor  # doctest: +SKIP
>>> watch = SNRMonitor(every_n_steps=50)  # doctest: +SKIP
>>> Trainer(solver, max_epochs=10_000, callbacks=[watch]).train()  # doctest: +SKIP
>>> print(watch.monitor.report())  # doctest: +SKIP

PINA evaluates its own conditions, with its weights and attention; the callback listens to it, so nothing is written twice.
Source of the library: Coscia et al., PINA, Journal of Open Source Software 8 (2023) 5352.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ..monitor import Loss, Monitor
from ..monitoring.given import whole
from ..monitoring.networks import undisturbed
from .watching import Watching

try:
    import lightning.pytorch as lightning
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("this monitor needs Lightning: pip install 'pinnlib[pina]'") from error

__all__ = ["SNRMonitor"]

#: Series that go to the module's logger; all are in the monitor's history.
LOGGED = ("snr", "signal", "noise", "order_gradient", "alignment", "floor")


class SNRMonitor(Watching, lightning.Callback):
    """A callback that measures every ``every_n_steps`` steps and logs it; all else is :class:`pinnlib.monitor.Monitor`'s.

    Args:
        every_n_steps: from one probe to the next.
        batches: equal parts of the points of the equation.
        residual: name of PINA's condition whose points are cut into batches, all others are terms that the batches share; the
            one with the most points in the first batch unless told.
        loss: for a LightningModule that is not PINA's: from the module and the batch of its ``training_step``, the
            :class:`pinnlib.monitor.Loss` of this step.
        shuffle: seed of the one permutation of the points that is cut; None: as they come.
        settings: others of :class:`pinnlib.monitor.Monitor`, such as ``biases``, ``fresh`` and ``error``, which
            gives the relative L2 error.

    Raises:
        ValueError: a number of steps that is not whole, or what the monitor finds wrong; while training, a module that is not
            PINA's without ``loss``, a solver of PINA with several networks, or no condition that has the most points.
    """

    def __init__(
        self,
        every_n_steps: int = 50,
        batches: int = 32,
        *,
        residual: str | None = None,
        loss: Callable[[lightning.LightningModule, Any], Loss] | None = None,
        shuffle: int | None = 0,
        **settings: Any,
    ) -> None:
        self.every_n_steps = whole("every_n_steps", every_n_steps, 1, "give a whole number of at least 1")
        self.residual = residual
        self._of_module = loss
        self._settings = {"batches": batches, "shuffle": shuffle, "every": self.every_n_steps, "drop_last": True} | settings
        self._now: tuple[lightning.LightningModule, Any, int] | None = None
        self._warned = False
        self._last = -math.inf

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Watch the module's network."""
        if self._of_module is None:
            _check_is_pinas(pl_module, len(trainer.optimizers))
        if self._monitor is None or trainer.global_step <= self._last:
            net: Any = pl_module if self._of_module is not None else pl_module.model
            self._monitor, self._last = Monitor(net, loss=self._loss, **self._settings), -math.inf
        self.monitor.optimizer = trainer.optimizers[0]

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Measure, if a probe is due and the batch has points enough, and log it."""
        if trainer.global_step - self._last >= self.every_n_steps and self._fits(batch):
            row = self._measure(trainer, pl_module, batch, batch_idx)
            values = {f"pinnlib/{name}": float(row[name]) for name in LOGGED}
            for logger in trainer.loggers:  # at once: Lightning itself keeps only what was logged at its own steps
                logger.log_metrics(values, step=trainer.global_step)
            pl_module.log_dict(values, on_step=False, on_epoch=True, logger=False, batch_size=1)  # for other callbacks

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the batch, for the probe at the end."""
        if self._fits(batch):
            self._now = pl_module, batch, batch_idx

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Measure what the training has come to."""
        if self._now is not None and trainer.global_step > self._last:
            self._measure(trainer, *self._now)
        self._now = None

    def _fits(self, batch: Any) -> bool:
        """Whether PINA's batch of this step has points for all batches of the monitor; the last one of an epoch may not."""
        if self._of_module is not None:
            return True
        if self.residual is None:
            self.residual = _longest({name: len(data["input"]) for name, data in batch})
        found = dict(batch).get(self.residual)
        n = self._settings["batches"] if found is None else len(found["input"])  # what is missing is said by the probe
        if n < self._settings["batches"] and not self._warned:
            self._warned = True
            warnings.warn(
                f"a batch has {n} points for {self._settings['batches']} batches: the probe waits for a larger one", stacklevel=2
            )
        return n >= self._settings["batches"]

    def _measure(self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int) -> Mapping:
        self._now, self._last = (module, batch, batch_idx), trainer.global_step
        return self.monitor.measure(trainer.global_step)

    def _loss(self) -> Loss:
        assert self._now is not None
        module, batch, batch_idx = self._now
        if self._of_module is not None:
            return self._of_module(module, batch)
        with undisturbed([module]):  # a probe does not move the weights of its attention
            return self._of_pina(module, batch, batch_idx)

    def _of_pina(self, solver: Any, batch: Any, batch_idx: int) -> Loss:
        found = {name: _evaluate(solver, name, data, batch_idx) for name, data in batch}
        name = str(self.residual)
        if name not in found:
            raise ValueError(f"residual = {name!r} is no condition of the problem: choose one of {', '.join(map(repr, found))}")
        factors = _factors(solver.weighting, {other: each.mean() for other, (_, each) in found.items()})
        residual, each = found[name]
        columns = {f"{name}_{k}": column for k, column in enumerate(residual.T)} if residual.shape[1] > 1 else residual
        return Loss(
            residuals=columns,
            terms={other: factors[other] * own.mean() for other, (_, own) in found.items() if other != name},
            each=factors[name] * each.mean(1),
            points=_plain(dict(batch)[name]["input"]).detach(),
        )


def _evaluate(solver: Any, name: str, data: Mapping[str, Any], batch_idx: int) -> tuple[Tensor, Tensor]:
    """Residual and loss of each point of a condition, ``(n_points, n_equations)`` both, as PINA computes them."""
    heard: list[Tensor] = []
    before = getattr(solver, "residual_tensor", None)

    def reduce(value: Tensor) -> Tensor:
        heard.append(value)
        return value.mean()

    solver._apply_reduction = reduce
    try:
        solver._compute_condition_loss(solver.problem.conditions[name], dict(data), batch_idx)
        residual = _plain(solver.residual_tensor)
        if heard[0].shape != residual.shape:
            shapes = f"losses {tuple(heard[0].shape)} for residuals {tuple(residual.shape)}"
            raise ValueError(
                f"{type(solver).__name__} has {shapes} of {name!r}: the monitor needs one a point, not causal training"
            )
    finally:
        del solver._apply_reduction
        solver.residual_tensor = before
    if solver._reduction != "mean":
        raise ValueError(f"the solver's loss has the reduction {solver._reduction!r}: give a loss with reduction='mean'")
    return residual.flatten(1), _plain(heard[0]).flatten(1)


def _factors(weighting: Any, losses: Mapping[str, Tensor]) -> dict[str, float]:
    """By which PINA will multiply the loss of each condition in this step; what it remembers stays as it is."""
    if weighting.aggregator_fn not in (torch.sum, torch.mean):
        raise ValueError(f"the weighting adds by {weighting.aggregator_fn!r}: give one with aggregator 'sum' or 'mean'")
    twin = copy.copy(weighting)
    twin.__dict__.update({name: dict(kept) for name, kept in vars(weighting).items() if isinstance(kept, dict)})
    due = weighting.solver.trainer.current_epoch % weighting.update_every_n_epochs == 0
    found = twin.update_weights(dict(losses)) if due else weighting.last_saved_weights()
    share = 1.0 if weighting.aggregator_fn is torch.sum else 1.0 / len(losses)
    return {name: share * float(found[name]) for name in losses}


def _longest(sizes: Mapping[str, int]) -> str:
    most = [name for name, size in sizes.items() if size == max(sizes.values())]
    if len(most) > 1:
        raise ValueError(f"the conditions have {sizes} points, and none has the most: say which is the equation by residual=")
    return most[0]


def _check_is_pinas(module: Any, optimizers: int) -> None:
    if not all(hasattr(module, name) for name in ("problem", "weighting", "_compute_condition_loss")):
        raise ValueError(f"{type(module).__name__} is no solver of PINA 0.3: give loss=, a function of the module and its batch")
    if not hasattr(module, "model") or optimizers > 1:
        raise ValueError(f"{type(module).__name__} trains several networks: the monitor knows solvers with one")


def _plain(tensor: Tensor) -> Tensor:
    """Without PINA's labels."""
    return tensor.as_subclass(torch.Tensor)
