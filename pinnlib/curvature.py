r"""Curvature of the training loss, as gradient descent and as Adam feel it.

The loss is the one that a run minimizes in its coming step, see :mod:`pinnlib.objective`, with the points' weights held
constant.  A product of its Hessian :math:`H` with a vector is a central difference of exact gradients in float64,

.. math::

   H v \approx \frac{g(\theta + h v) - g(\theta - h v)}{2 h}, \qquad h \lVert v \rVert = 10^{-4} ,

which costs two gradients and no graph of a graph.  Adam divides its step by :math:`P = (1 - \beta_1^t)\,\mathrm{diag}
(\sqrt{\hat v} + \epsilon)`; with :math:`P` frozen it is gradient descent with momentum on a loss with the Hessian
:math:`P^{-1/2} H P^{-1/2}`.  A quadratic with this *preconditioned sharpness* (the largest eigenvalue) is stable below
:math:`(2 + 2\beta_1) / ((1 - \beta_1)\,\mathrm{lr})`, which is 38 / lr for :math:`\beta_1 = 0.9`.

Source: Cohen et al., Adaptive gradient methods at the edge of stability, arXiv 2207.14484 (2022), section 2, whose
:math:`P` has the bias correction of both moments in it.  Introduced in the chapter *Adam's view*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from . import compiling, native, starts, weightings
from .activations import Activation
from .models import split
from .objective import Objective
from .plans import Plan
from .runs import Run

__all__ = ["Curvature", "Eigenpair", "largest_eigenvalue", "preconditioner", "threshold"]

DISTANCE = 1e-4  # between the two gradients of a product and their middle; see the test of its error
BETAS, EPS = (0.9, 0.999), 1e-8  # Adam's, as the trainer has them


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
        small = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
        for offset in (1, -1):
            small += torch.diag(torch.tensor(beside[:-1], dtype=torch.float64), offset)
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


def preconditioner(run: Run) -> Tensor:
    """The diagonal of P of a run's last step, from its state: ``(n_params,)``, float64.

    Raises:
        ValueError: the run was made compact and has lost Adam's moments, or has made no step.
    """
    if "exp_avg_sq" not in run.state:
        raise ValueError(
            f"the run of step {run.step} was made compact and has lost Adam's moments: train it, or load a checkpoint"
        )
    if run.step < 1:
        raise ValueError("the run has made no step, and Adam has no moments yet: train at least one")
    second = torch.as_tensor(run.state["exp_avg_sq"], dtype=torch.float64) / (1.0 - BETAS[1] ** run.step)
    return (1.0 - BETAS[0] ** run.step) * (second.sqrt() + EPS)


class Curvature:
    """The loss of a run around its present weights, or around those of a snapshot.

    Args:
        run: with its problem, points, settings.
        snapshot: its number; the present state unless told.
        path: torch's operations or machine code, see :mod:`pinnlib.compiling`; machine code where it can be made unless told.

    Attributes:
        theta: weights, then biases, ``(n_params,)``, float64 on the CPU.
        attention: the points' weights that the coming step uses, ``(n_points,)``, as constants.
    """

    def __init__(self, run: Run, snapshot: int | None = None, *, path: str | None = None) -> None:
        at = run.state if snapshot is None else {name: run.snapshots[name][snapshot] for name in ("step", "parameters", "rba")}
        model = run.final_model() if snapshot is None else run.model(snapshot)
        self.run, self.config, problem = run, run.config, run._known_problem()
        self.theta, self.sizes = _double(at["parameters"]), model.sizes
        begun = starts.start(problem, run.config)
        self._objective = Objective(
            problem,
            run.config,
            _double(run.points),
            [_double(part) for part in begun.data],
            sizes=model.sizes,
            activation=model.activation,
            permutation=weightings.permutation(run.config.points, run.config.seed),
            path=path or _path(model.activation, problem.plan),
        )
        weights, biases = self._layers(self.theta)
        self.attention = self._objective(weights, biases, _double(at["rba"]), int(at["step"])).attention

    def _layers(self, theta: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        parts = split(theta, self.sizes)
        return parts[: len(parts) // 2], parts[len(parts) // 2 :]

    def gradient(self, theta: Tensor) -> Tensor:
        """Gradient of the loss at ``theta`` ``(n_params,)``."""
        here = self._objective(*self._layers(theta), self.attention, None)
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

    def preconditioned_sharpness(
        self, *, scale: Tensor | None = None, start: Tensor | None = None, tolerance: float = 1e-3
    ) -> Eigenpair:
        """Largest eigenvalue of :math:`P^{-1/2} H P^{-1/2}`; compare it with :func:`threshold`.

        Args:
            scale: the diagonal of P, ``(n_params,)``; that of the run's state unless told.
            start: as in :func:`largest_eigenvalue`, random unless told.
            tolerance: as there.
        """
        root = (preconditioner(self.run) if scale is None else scale).rsqrt()
        return largest_eigenvalue(lambda v: root * self.product(root * v), self._start(start), tolerance=tolerance)

    def _start(self, start: Tensor | None) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.randn(len(self.theta), generator=generator, dtype=torch.float64) if start is None else start


def _double(values: object) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64)


def _path(activation: Activation, plan: Plan) -> str:
    """Machine code where it can be made."""
    if not (compiling.available(torch.device("cpu")) and native.supports(activation, torch.float64)):
        return "eager"
    try:
        native.library(activation.name, plan, torch.float64)
    except compiling.BuildError:
        return "eager"
    return "native"
