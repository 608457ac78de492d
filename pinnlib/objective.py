r"""What a training minimizes, said once: trainer, curvature and fresh points all ask here.

.. math::

   L = \langle f_i\, r_i^2 \rangle + w\, \langle |u_j - u(x_j)|^2 \rangle ,

where the factors :math:`f` follow from the points' weights :math:`\lambda` by the rule of the weighting (:math:`\lambda_i^2`
for RBA), are one without such a rule, and are constants to the gradient.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from . import distributed, fused, models, native, weightings
from .activations import Activation
from .config import Config
from .gradients import DataTerm, ResidualTerm
from .problems.base import Problem

__all__ = ["Evaluated", "Objective"]


@dataclass(frozen=True)
class Evaluated:
    """What one pass over all points gives; ``lead`` is ``()``, or the number of members of an ensemble.

    Attributes:
        loss: ``lead``.
        residual: ``(*lead, n_points)``.
        loss_data: ``lead``.
        attention: the points' weights that the loss was taken with, ``(*lead, n_points)``.
        grads: of the residual term, ``(*lead, n_params)``.
        data_grads: of the data term, with its weight.
        batch_grads: of the residual term of each batch, ``(*lead, batches, n_params)``, if they were wanted.
    """

    loss: Tensor
    residual: Tensor
    loss_data: Tensor
    attention: Tensor
    grads: Tensor
    data_grads: Tensor
    batch_grads: Tensor | None

    def member(self, index: int) -> Evaluated:
        """That of one member of an ensemble."""
        parts = (self.loss, self.residual, self.loss_data, self.attention, self.grads, self.data_grads, self.batch_grads)
        return Evaluated(*(None if part is None else part[index] for part in parts))


class Objective:
    """The loss at some points, and its gradients.

    Everything may carry leading axes, one for each network of an ensemble.

    Args:
        problem: whose residual and misfit.
        config: its weighting and ``data_weight``.
        points: collocation points ``(*lead, n_points, n_coordinates)``.
        data: points ``(*lead, m, n_coordinates)`` and values ``(*lead, m, n_observed)`` of the data term.
        sizes: of the network: coordinates, widths of the hidden layers, fields.
        activation: of its hidden layers.
        batches: equal parts of the points whose gradients can be asked for.
        permutation: of the points, ``(*lead, n_points)``; only permuted weights need it.
        path: torch's operations or machine code, see :mod:`pinnlib.compiling`; without machine code where it cannot be made.
        world: the processes that share the batches.

    Attributes:
        rule: of the points' weights.  A run without weights follows RBA's all the same, unused in its loss.
        weighted: whether the loss uses them.
        path: the one that is taken.
    """

    def __init__(
        self,
        problem: Problem,
        config: Config,
        points: Tensor,
        data: Sequence[Tensor],
        *,
        sizes: Sequence[int],
        activation: Activation,
        batches: int = 1,
        permutation: Tensor | None = None,
        path: str = "eager",
        world: distributed.World | None = None,
    ) -> None:
        self.problem, self.config, self.data = problem, config, data
        self.world, self.permutation = world or distributed.World(), permutation
        self.settings: dict[str, Any] = {"sizes": sizes, "activation": activation}
        self.batches = batches
        self.rule = weightings.followed(config.weighting)
        made_by = {"native": native, "triton": fused}.get(path)
        self.path = path if made_by is None or made_by.supports(activation, points.dtype) else "eager"
        self.take(points)

    @property
    def weighted(self) -> bool:
        """Whether the points' weights are in the loss."""
        return self.rule is self.config.weighting

    def take(self, points: Tensor) -> None:
        """Take the loss at these points from now on; in machine code if it can be made, in all processes."""
        self.points = points
        terms = None if self.path == "eager" else self._tried()
        if self.world.any(terms is None):
            self.path, terms = "eager", None
        self.residual_term, self.data_term = terms or self._terms()

    def _tried(self) -> tuple[Any, Any] | None:
        """The terms after a pass of each; None, and a notice, where this path cannot be had."""
        sizes = self.settings["sizes"]
        nothing = models.split(self.points.new_zeros(*self.points.shape[:-2], models.count(sizes)), sizes)
        half = len(nothing) // 2
        try:
            terms = self._terms()
            for term in terms:
                getattr(term, "own", term)(nothing[:half], nothing[half:])  # of this process alone
        except Exception as error:
            first = (str(error).splitlines() or [""])[0]
            warnings.warn(
                f"compiling failed ({type(error).__name__}: {first[:200]}): training goes on without, more slowly", stacklevel=7
            )
            return None
        return terms

    def _terms(self) -> tuple[Any, Any]:
        settings = self.settings | {"path": self.path}
        if self.world.size == 1:
            return (
                ResidualTerm(self.problem, self.points, batches=self.batches, **settings),
                DataTerm(self.problem, *self.data, **settings),
            )
        return (
            distributed.ShardedResidual(self.world, self.problem, self.points, batches=self.batches, **settings),
            distributed.ShardedData(self.world, self.problem, *self.data, **settings),
        )

    def __call__(
        self,
        weights: Sequence[Tensor],
        biases: Sequence[Tensor],
        attention: Tensor,
        step: int | None,
        *,
        apart: bool = False,
    ) -> Evaluated:
        """Losses and gradients of a network.

        Args:
            weights: one ``(*lead, n_out, n_in)`` a layer.
            biases: one ``(*lead, n_out)`` a layer.
            attention: the points' weights ``(*lead, n_points)``.
            step: how many steps were done; the rule first brings the points' weights up to date with the residual here.
                None: they are taken as they are.
            apart: give the batches' own gradients too.
        """
        factors, given = attention, attention

        def factor(residual: Tensor) -> Tensor:
            nonlocal attention, factors
            attention = given if step is None else self.rule.updated(given, residual, step)
            factors = self.rule.factor(attention, self.permutation)
            return factors

        residual, grads, batch_grads = self.residual_term(weights, biases, factor if self.weighted else None, apart=apart)
        if not self.weighted:
            factor(residual)
        square = residual.square()
        loss_residual = (factors * square if self.weighted else square).mean(-1)
        loss_data, data_grads = self.data_term(weights, biases, scale=self.config.data_weight)
        loss = loss_residual + self.config.data_weight * loss_data
        return Evaluated(loss, residual, loss_data, attention, grads, data_grads, batch_grads)
