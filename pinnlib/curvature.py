r"""Curvature of the training loss, as gradient descent and as Adam feel it.

The loss is the one that a run minimizes in its coming step, see :mod:`pinnlib.training.objective`, with the points'
weights held constant.  A product of its Hessian :math:`H` with a vector is a central difference of exact gradients in float64,

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

import torch
from torch import Tensor

from . import weightings
from .runs import Run
from .training import hessian, starts
from .training.collocation import Collocation
from .training.hessian import Eigenpair, largest_eigenvalue, threshold

__all__ = ["Curvature", "Eigenpair", "largest_eigenvalue", "preconditioner", "threshold"]


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
    return hessian.preconditioner(_double(run.state["exp_avg_sq"]), min(run.step, run.config.steps))


class Curvature(hessian.Hessian):
    """The loss of a run around its present weights, or around those of a snapshot.

    Args:
        run: with its problem, points, settings.
        snapshot: its number; the present state unless told.
        path: torch's operations or machine code, see :mod:`pinnlib.taylor.backends`; unless told, machine code where it can
            be made.

    Attributes:
        theta: weights, then biases, ``(n_params,)``, float64 on the CPU.
        attention: the points' weights that the coming step uses, ``(n_points,)``, as constants.
    """

    def __init__(self, run: Run, snapshot: int | None = None, *, path: str | None = None) -> None:
        at = run.state if snapshot is None else {name: run.snapshots[name][snapshot] for name in ("step", "parameters", "rba")}
        problem, config = run.known_problem(), run.config
        conditions = starts.start(problem, config).conditions
        data = [(_double(one.places), _double(one.values)) for one in conditions]
        where = Collocation(_double(run.points), conditions, data, weightings.permutation(config.points, config.seed))
        super().__init__(problem, config, where, _double(at["parameters"]), _double(at["rba"]), int(at["step"]), path=path)
        self.run = run

    def preconditioned_sharpness(
        self, scale: Tensor | None = None, *, start: Tensor | None = None, tolerance: float = 1e-3
    ) -> Eigenpair:
        """As :meth:`pinnlib.training.hessian.Hessian.preconditioned_sharpness`; P is that of the run's state unless told."""
        scale = preconditioner(self.run) if scale is None else scale
        return super().preconditioned_sharpness(scale, start=start, tolerance=tolerance)


def _double(values: object) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64, device="cpu")
