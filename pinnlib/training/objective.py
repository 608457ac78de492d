r"""What a training minimizes, said once: trainer, curvature and fresh points all ask here.

.. math::

   L = \sum_e \langle f_{ei}\, r_{ei}^2 \rangle + w \sum_c w_c\, \langle |m_{cj}|^2 \rangle ,

the sums over equations e and conditions c, most problems having one of each.  The factors :math:`f` follow from the points'
weights :math:`\lambda` by the rule of the weighting (:math:`\lambda_i^2` for RBA), are one without such a rule, and are
constants to the gradient; :math:`m` is a condition's misfit, such as :math:`u_j - u(x_j)`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from .. import weightings
from ..config import Config
from ..problems.base import Problem
from ..problems.terms import DataTerm, ResidualTerm
from ..taylor import backends, parameters
from ..taylor.activations import Activation
from ..weightings import RAD
from . import distributed
from .collocation import Collocation, minibatch
from .state import State

__all__ = ["PAYS_FROM", "LossAndGradients", "MiniBatches", "Objective", "choose_path", "pays", "resample"]

#: Numbers that pass an activation in a run (steps x points x streams x units) from which compiling pays.  On a CPU it
#: costs about 2 s, once a machine, and saves about 2 ns a number on two cores; Triton takes about as long, each time.
PAYS_FROM = {"cpu": 1e9, "cuda": 5e9}


@dataclass(frozen=True)
class LossAndGradients:
    """What one pass over all points gives; ``lead`` is ``()``, or the number of members of an ensemble.

    Attributes:
        loss: ``lead``.
        residual: ``(*lead, n_points)``, or ``(*lead, n_equations, n_points)``.
        losses_data: of each condition, without weights, ``(*lead, n_conditions)``.
        attention: the points' weights that the loss was taken with, of the residual's shape.
        grads: of the residual term, ``(*lead, n_params)``.
        data_grads: of all conditions, with their weights, ``(*lead, n_params)``.
        condition_grads: of each condition, with its weight, ``(*lead, n_conditions, n_params)``, if they were wanted.
        batch_grads: of the residual term of each batch, ``(*lead, batches, n_params)``, if they were wanted.
        chosen: which weights, of the shape of ``attention``, where they were not all.
    """

    loss: Tensor
    residual: Tensor
    losses_data: Tensor
    attention: Tensor
    grads: Tensor
    data_grads: Tensor
    condition_grads: Tensor | None = None
    batch_grads: Tensor | None = None
    chosen: Tensor | None = None

    @property
    def finite(self) -> bool:
        """Whether all losses are; a GPU is waited for."""
        return bool(torch.isfinite(self.loss).all())

    def member(self, index: int) -> LossAndGradients:
        """That of one member of an ensemble."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        own: dict[str, Any] = {name: None if part is None else part[index] for name, part in parts.items()}
        return LossAndGradients(**own)


class Objective:
    """The loss at some points, and its gradients.

    Everything may carry leading axes, one for each network of an ensemble.

    Args:
        problem: whose residual and misfit.
        config: its weighting and ``data_weight``.
        collocation: points and data.
        sizes: of the network: coordinates, widths of the hidden layers, fields.
        activation: of its hidden layers.
        batches: equal parts of the points whose gradients can be asked for.
        path: torch's operations or machine code, see :mod:`pinnlib.taylor.backends`; without, where it cannot be made.
        world: the processes that share the batches.

    Attributes:
        rule: of the points' weights.  A run without weights follows RBA's all the same, unused in its loss.
        path: the one that is taken.
    """

    def __init__(
        self,
        problem: Problem,
        config: Config,
        collocation: Collocation,
        *,
        sizes: Sequence[int],
        activation: Activation,
        batches: int = 1,
        path: str = "eager",
        world: distributed.World | None = None,
    ) -> None:
        self.problem, self.config, self.batches = problem, config, batches
        self.sizes, self.activation = sizes, activation
        self.world = world or distributed.World()
        self.rule = weightings.followed(config.weighting)
        self.path = path if backends.supports(path, activation, collocation.points.dtype) else "eager"
        self.take(collocation)

    @classmethod
    def of(cls, problem: Problem, state: State, world: distributed.World) -> Objective:
        """That of a training, at the points that it starts with."""
        config = state.config
        path = choose_path(config, problem.plan.n_streams, state.device)
        return cls(
            problem,
            config,
            Collocation.of(state),
            sizes=state.sizes,
            activation=state.activation,
            batches=config.batches,
            path=path,
            world=world,
        )

    @property
    def weighted(self) -> bool:
        """Whether the points' weights are in the loss."""
        return self.rule is self.config.weighting

    def take(self, collocation: Collocation) -> None:
        """Take the loss at these points from now on; in machine code if it can be made, in all processes."""
        self.collocation = collocation
        terms = None if self.path == "eager" else self._tried()
        if self.world.any(terms is None):
            self.path, terms = "eager", None
        self.residual_term, self.data_term = terms or self._terms()
        weights = [one.weight for one in collocation.conditions]
        self.plain = weights == [1.0]  # nothing to sum
        self.condition_weights = torch.tensor(weights, dtype=collocation.points.dtype, device=collocation.points.device)

    def refill(self, collocation: Collocation) -> None:
        """The same where a recorded step, or the next one, reads its points: in the memory of those before."""
        self.collocation.points.copy_(collocation.points)
        self.collocation = replace(self.collocation)  # which forgets the places

    def _tried(self) -> tuple[Any, Any] | None:
        """The terms after a pass of each; None, and a notice, where this path cannot be had."""
        points = self.collocation.points
        lead, unknown = points.shape[:-2], len(self.problem.unknown)
        nothing = parameters.split(points.new_zeros(*lead, parameters.count(self.sizes)), self.sizes)
        half, thetas = len(nothing) // 2, points.new_zeros(*lead, unknown) if unknown else None
        try:
            terms = self._terms()
            for term in terms:
                getattr(term, "own", term)(nothing[:half], nothing[half:], unknowns=thetas)  # of this process alone
        except Exception as error:
            first = (str(error).splitlines() or [""])[0]
            warnings.warn(
                f"compiling failed ({type(error).__name__}: {first[:200]}): training goes on without, more slowly", stacklevel=6
            )
            return None
        return terms

    def _terms(self) -> tuple[Any, Any]:
        settings: dict[str, Any] = {"sizes": self.sizes, "activation": self.activation, "path": self.path}
        points, data = self.collocation.points, (self.collocation.conditions, self.collocation.data)
        if self.world.size == 1:
            return (
                ResidualTerm(self.problem, points, batches=self.batches, **settings),
                DataTerm(self.problem, *data, **settings),
            )
        return (
            distributed.ShardedResidual(self.world, self.problem, points, batches=self.batches, **settings),
            distributed.ShardedData(self.world, self.problem, *data, **settings),
        )

    def __call__(self, state: State, *, apart: bool = False, update: bool = True) -> LossAndGradients:
        """Losses and gradients where a training stands; arguments as in :meth:`at`."""
        step = state.step if update else None
        return self.at(state.weights, state.biases, state.attention, step, unknowns=state.unknowns, apart=apart)

    def at(
        self,
        weights: Sequence[Tensor],
        biases: Sequence[Tensor],
        attention: Tensor,
        step: int | None,
        *,
        unknowns: Tensor | None = None,
        apart: bool = False,
    ) -> LossAndGradients:
        """Losses and gradients of a network.

        Args:
            weights: one ``(*lead, n_out, n_in)`` a layer.
            biases: one ``(*lead, n_out)`` a layer.
            attention: the points' weights ``(*lead, n_points)``, or ``(*lead, n_equations, n_points)``.
            unknowns: thetas of the unknown coefficients ``(*lead, n_unknowns)``, if the problem has any.
            step: how many steps were done; the rule first brings the points' weights up to date with the residual here.
                None: they are taken as they are.
            apart: give the gradients of the batches, and of the conditions, too.
        """
        factors, given = attention, attention

        def factor(residual: Tensor) -> Tensor:
            nonlocal attention, factors
            attention = given if step is None else self.rule.updated(given, residual, step)
            factors = self.rule.factor(attention, self.collocation.permutation)
            return factors

        residual, grads, batch_grads = self.residual_term(
            weights, biases, factor if self.weighted else None, unknowns=unknowns, apart=apart
        )
        if not self.weighted:
            factor(residual)
        square = residual.square()
        loss_residual = (factors * square if self.weighted else square).mean(-1)
        if self.problem.equations:
            loss_residual = loss_residual.sum(-1)
        losses, each = self.data_term(weights, biases, scale=self.config.data_weight, unknowns=unknowns)
        loss_data = losses[..., 0] if self.plain else (losses * self.condition_weights).sum(-1)
        loss = loss_residual + self.config.data_weight * loss_data
        return LossAndGradients(
            loss=loss,
            residual=residual,
            losses_data=losses,
            attention=attention,
            grads=grads,
            data_grads=each[0] if len(each) == 1 else sum(each, torch.zeros_like(grads)),
            condition_grads=torch.stack(each, dim=-2) if apart and each else None,
            batch_grads=batch_grads,
        )


class MiniBatches:
    """The loss at a few points, others at each step, and the whole data term.

    Args:
        whole: the loss at all points.
        state: gives the size of the parts.
    """

    def __init__(self, whole: Objective, state: State) -> None:
        self.whole, first = whole, whole.collocation.part(minibatch(state))
        self.part = Objective(whole.problem, whole.config, first, sizes=whole.sizes, activation=whole.activation, path=whole.path)

    def __call__(self, state: State) -> LossAndGradients:
        """Losses and gradients of the coming step; the weights of the chosen points are brought up to date."""
        chosen = minibatch(state)
        self.part.refill(self.whole.collocation.part(chosen))
        if self.whole.problem.equations:
            chosen = chosen.unsqueeze(-2).expand(*state.attention.shape[:-1], -1)
        own = state.attention.gather(-1, chosen)
        return replace(self.part.at(state.weights, state.biases, own, state.step, unknowns=state.unknowns), chosen=chosen)


def resample(objective: Objective, state: State, rule: RAD, *, in_place: bool) -> None:
    """Other collocation points, by the size of their residual; the weights that are only followed start anew.

    With ``in_place`` a recorded step finds them where those before were.
    """
    drawn = objective.collocation.drawn_anew(objective.problem, state, rule)
    if drawn is not objective.collocation:
        state.attention.fill_(objective.rule.initial)
        (objective.refill if in_place else objective.take)(drawn)


def pays(config: Config, n_streams: int, device: torch.device) -> bool:
    """Whether the run is long enough to win back the time of compiling."""
    return config.steps * config.points * n_streams * config.width * config.depth >= PAYS_FROM[device.type]


def choose_path(config: Config, n_streams: int, device: torch.device) -> str:
    """The path to take; says so where ``compile=True`` cannot be had."""
    path = "triton" if device.type == "cuda" else "native"
    if config.compile == "auto":
        return path if pays(config, n_streams, device) and backends.available(device) else "eager"
    if config.compile and not backends.available(device):
        needs = "Triton" if device.type == "cuda" else "a C++ compiler such as g++"
        warnings.warn(f"compile=True needs {needs} and there is none: training goes on without, more slowly", stacklevel=4)
        return "eager"
    return path if config.compile else "eager"
