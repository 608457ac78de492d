"""The Hessian of a training's loss, as products with vectors; the mathematics is in :mod:`pinnlib.curvature`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..config import Config
from ..problems.base import Problem
from ..taylor import backends, native, parameters, toolchain
from ..taylor.activations import Activation
from ..taylor.activations import get as activation_of
from ..taylor.partials import Plan
from .adam import BETAS, EPS
from .collocation import Collocation
from .objective import LossAndGradients, Objective

__all__ = ["Eigenpair", "Hessian", "largest_eigenvalue", "preconditioner", "threshold"]

DISTANCE = 1e-4  # between the two gradients of a product and their middle; see the test of its error


@dataclass(frozen=True)
class Eigenpair:
    """An eigenvalue, its unit vector ``(n_params,)``, and how many products it took."""

    value: float
    vector: Tensor
    products: int


def largest_eigenvalue(
    product: Callable[[Tensor], Tensor], start: Tensor, *, tolerance: float = 1e-3, most: int = 200
) -> Eigenpair:
    """The largest (not the largest absolute) eigenvalue of a symmetric matrix, by Lanczos with full orthogonalization.

    From the eigenvector of a moment before, as along a training, this takes 2 products where ``scipy.sparse.linalg.eigsh``
    takes 5 at the same tolerance; from a random start both take 7 or 8.

    Args:
        product: from a vector ``(n,)`` to the matrix times it, ``(n,)``.
        start: where to begin, ``(n,)``; an eigenvector for a nearby matrix saves products, with a little of a random vector
            added, since the bound cannot see an eigenvector that the start has nothing of.
        tolerance: error of the eigenvalue relative to it, at most; by the bound norm(A x - value x) >= error.
        most: products to spend.

    Raises:
        ValueError: a start of length zero or with values that are not finite.
        ArithmeticError: the tolerance was not met; the message has the bound that was.
    """
    length = torch.linalg.vector_norm(start)
    if not (torch.isfinite(length) and length > 0):
        raise ValueError(f"a start of length {float(length)}: give a finite vector that is not zero")
    basis, diagonal, beside = [start / length], [], []
    for k in range(1, most + 1):
        w = product(basis[-1])
        diagonal.append(float(w @ basis[-1]))
        span = torch.stack(basis)
        for _ in range(2):  # once is not enough in floating point
            w = w - span.T @ (span @ w)
        beside.append(float(torch.linalg.vector_norm(w)))
        small = torch.diag(torch.tensor(diagonal, dtype=torch.float64, device="cpu"))
        for offset in (1, -1):
            small += torch.diag(torch.tensor(beside[:-1], dtype=torch.float64, device="cpu"), offset)
        values, vectors = torch.linalg.eigh(small)
        value, bound = float(values[-1]), beside[-1] * abs(float(vectors[-1, -1]))
        if bound <= tolerance * abs(value) or k == len(start):
            vector = span.T @ vectors[:, -1].to(span)
            return Eigenpair(value, vector / torch.linalg.vector_norm(vector), k)
        basis.append(w / beside[-1])
    raise ArithmeticError(
        f"{most} products leave the eigenvalue {value:.6g} uncertain by {bound:.2g}: allow more, or a larger tolerance"
    )


def threshold(lr: float, beta1: float = BETAS[0]) -> float:
    """Preconditioned sharpness at which Adam with a frozen P becomes unstable, (2 + 2 beta1) / ((1 - beta1) lr)."""
    return (2.0 + 2.0 * beta1) / ((1.0 - beta1) * lr)


def preconditioner(second: Tensor, step: int) -> Tensor:
    """The diagonal of P, ``(n_params,)``, after ``step`` steps, from Adam's mean of the squared gradient ``(n_params,)``."""
    return (1.0 - BETAS[0] ** step) * ((second / (1.0 - BETAS[1] ** step)).sqrt() + EPS)


class Hessian:
    """The loss of the coming step around given weights.

    Args:
        problem: what is solved.
        config: all settings.
        collocation: points and data, float64 on the CPU.
        theta: weights, then biases, then unknown coefficients, ``(n_params,)``, float64 on the CPU.
        attention: the points' weights after the last step, ``(n_points,)``, float64 on the CPU.
        step: Adam steps done.
        path: torch's operations or machine code, see :mod:`pinnlib.taylor.backends`; unless told, machine code where it can
            be made.

    Attributes:
        theta: the weights.
        attention: the points' weights that the coming step uses, as constants.
    """

    def __init__(
        self,
        problem: Problem,
        config: Config,
        collocation: Collocation,
        theta: Tensor,
        attention: Tensor,
        step: int,
        *,
        path: str | None = None,
    ) -> None:
        activation = activation_of(config.activation)
        self.theta, self.sizes = theta, [problem.inputs, *[config.width] * config.depth, len(problem.fields)]
        path = path or _path(activation, problem.plan)
        self._objective = Objective(problem, config, collocation, sizes=self.sizes, activation=activation, path=path)
        self.attention = attention
        rests = config.finish is not None and step >= config.steps  # L-BFGS leaves them as they are
        self.attention = self._at(theta, None if rests else step).attention

    def _at(self, theta: Tensor, step: int | None) -> LossAndGradients:
        parts, unknowns = parameters.split(theta, self.sizes), theta[parameters.count(self.sizes) :]
        half = len(parts) // 2
        return self._objective.at(parts[:half], parts[half:], self.attention, step, unknowns=unknowns if len(unknowns) else None)

    def gradient(self, theta: Tensor) -> Tensor:
        """Gradient of the loss at ``theta`` ``(n_params,)``."""
        here = self._at(theta, None)
        return here.grads + here.data_grads

    def product(self, vector: Tensor) -> Tensor:
        """The Hessian at :attr:`theta` times a vector ``(n_params,)``."""
        length = torch.linalg.vector_norm(vector)
        if length == 0.0:
            return torch.zeros_like(vector)
        h = DISTANCE / length
        return (self.gradient(self.theta + h * vector) - self.gradient(self.theta - h * vector)) / (2.0 * h)

    def sharpness(self, *, start: Tensor | None = None, tolerance: float = 1e-3) -> Eigenpair:
        """Largest eigenvalue of the Hessian; arguments as in :func:`largest_eigenvalue`, from a random start unless told."""
        return largest_eigenvalue(self.product, self._start(start), tolerance=tolerance)

    def preconditioned_sharpness(self, scale: Tensor, *, start: Tensor | None = None, tolerance: float = 1e-3) -> Eigenpair:
        """Largest eigenvalue of :math:`P^{-1/2} H P^{-1/2}`; compare it with :func:`threshold`.

        Args:
            scale: the diagonal of P, ``(n_params,)``; see :func:`preconditioner`.
            start: as in :func:`largest_eigenvalue`, random unless told.
            tolerance: as there.
        """
        root = scale.rsqrt()
        return largest_eigenvalue(lambda v: root * self.product(root * v), self._start(start), tolerance=tolerance)

    def _start(self, start: Tensor | None) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.randn(len(self.theta), generator=generator, dtype=torch.float64, device="cpu") if start is None else start


def _path(activation: Activation, plan: Plan) -> str:
    """Machine code where it can be made."""
    if not (backends.available(torch.device("cpu")) and native.supports(activation, torch.float64)):
        return "eager"
    try:
        native.library(activation.name, plan, torch.float64)
    except toolchain.BuildError:
        return "eager"
    return "native"
