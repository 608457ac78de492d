"""What a benchmark, or a user's own equation, has to say of itself."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import sampling
from ..taylor import embeddings, partials
from ..taylor.partials import Fields, Plan

__all__ = ["Problem"]


class Problem(ABC):
    r"""A partial differential equation on a box, with data and, if there is one, a reference.

    A subclass names its coordinates, fields, domain and the partial derivatives that it needs, and
    writes its residual as a formula.  Here is the whole of a user's own problem, the steady
    reaction-diffusion equation :math:`u'' = u - 1` on [0, 1] with :math:`u(0) = u(1) = 0`:

    >>> import numpy as np
    >>> import pinnlib as pl
    >>> class Slab(pl.Problem):
    ...     coordinates = ("x",)
    ...     fields = ("u",)
    ...     domain = ((0.0, 1.0),)
    ...     partials = ("u", "u_xx")
    ...
    ...     def residual(self, points, d):
    ...         return d.u_xx - d.u + 1.0
    ...
    ...     def data(self, n, seed):
    ...         ends = np.array([[0.0], [1.0]])
    ...         return ends, np.zeros((2, 1))
    ...
    ...     def reference(self, points):
    ...         return 1.0 - np.cosh(points - 0.5) / np.cosh(0.5)
    >>> config = pl.Config(width=16, depth=2, points=64, batches=8, steps=1000, lr=2e-3)
    >>> run = pl.train(Slab(), config, progress=False)
    >>> bool(run.history["rel_l2"][-1] < 0.05)
    True

    Attributes:
        coordinates: one letter each.
        fields: the network's outputs.
        domain: ``(low, high)`` for each coordinate.
        partials: the values that :meth:`residual` reads, such as ``"u"``, ``"u_x"``, ``"u_xx"``.
        operators: sums of partials that travel as one stream (see :mod:`pinnlib.taylor.propagation`).
        embedding: what the network is given instead of the coordinates, see :mod:`pinnlib.taylor.embeddings`; None for these.
        observed: the values that :meth:`observe` reads; the fields unless told.
        reference_error: the reference's own estimated relative L2 error; 0 where it is a closed form.
        resolution: points a side of the test grid.
    """

    coordinates: tuple[str, ...]
    fields: tuple[str, ...]
    domain: tuple[tuple[float, float], ...]
    partials: tuple[str, ...]
    operators: Mapping[str, Mapping[str, float]] = {}
    embedding: embeddings.Periodic | None = None
    observed: tuple[str, ...] = ()
    reference_error: float = 0.0
    resolution: int = 201

    @abstractmethod
    def residual(self, points: Tensor, d: Fields) -> Tensor:
        """What the equation leaves over, ``(..., n_points)``, at ``points`` ``(..., n_points, n_coordinates)``.

        Points may carry leading batch axes: take coordinates as ``points[..., 0]``.
        """

    @abstractmethod
    def data(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Boundary or initial data: points ``(m, n_coordinates)`` and values ``(m, n_observed)``; m is about ``n``."""

    def observe(self, d: Fields) -> Tensor:
        """What data and reference speak of, ``(..., n_points, n_observed)``: the fields; override it for a formula of them."""
        return torch.stack([getattr(d, name) for name in self.observe_plan.names], dim=-1)

    def misfit(self, found: Tensor, values: Tensor) -> Tensor:
        """What the data term squares, sums over its last axis and averages over points; the differences, or override it.

        Args:
            found: observed, ``(..., n_points, n_observed)``.
            values: data, of the same shape.
        """
        return found - values

    def compared(self, values: np.ndarray) -> np.ndarray:
        """What the relative L2 error is taken of, from observed values ``(n_points, n_observed)``; these, or override it."""
        return values

    def reference(self, points: np.ndarray) -> np.ndarray:
        """Override: the solution at ``points`` ``(n_points, n_coordinates)``, float64, ``(n_points, n_observed)``."""
        raise NotImplementedError

    @property
    def has_reference(self) -> bool:
        """Whether the problem knows its solution."""
        return type(self).reference is not Problem.reference

    def solution(self, points: np.ndarray) -> np.ndarray:
        """Reference values ``(n_points, n_observed)``, float64, at ``points`` ``(n_points, n_coordinates)``.

        Raises:
            ValueError: the problem has no reference, or the points have another number of coordinates.
        """
        if not self.has_reference:
            raise ValueError(
                f"{self} has no reference solution: add a method reference(points) to {type(self).__name__}, "
                "or read the losses and the SNR, which need none"
            )
        points = np.asarray(points, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != len(self.coordinates):
            raise ValueError(f"points have shape {points.shape}: {self} needs (n_points, {len(self.coordinates)})")
        return self.reference(points)

    def test_grid(self) -> np.ndarray:
        """The points at which the relative L2 error is taken: a regular grid ``(n_points, n_coordinates)``."""
        return sampling.grid(self.domain, self.resolution)

    @cached_property
    def plan(self) -> Plan:
        """The streams that the residual needs."""
        return partials.plan(self.coordinates, self.fields, self.partials, self.operators, self.embedding)

    @property
    def inputs(self) -> int:
        """Inputs of the network."""
        return len(self.coordinates) if self.embedding is None else self.embedding.n_features

    @cached_property
    def observe_plan(self) -> Plan:
        """The streams that :meth:`observe` needs."""
        return partials.plan(self.coordinates, self.fields, self.observed or self.fields, {}, self.embedding)

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments, by name: what is needed to make this problem again."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.settings().items())
        return f"{type(self).__name__}({inside})"


def relative_l2(values: np.ndarray, reference: np.ndarray) -> float:
    """norm2(values - reference) / norm2(reference), over all points and fields.

    Raises:
        ValueError: two shapes.
    """
    if values.shape != reference.shape:
        raise ValueError(f"values of shape {values.shape} against a reference of shape {reference.shape}: give equal shapes")
    # sums, not np.linalg.norm: that wakes BLAS's own threads, which take the cores from torch's
    return float(np.sqrt(np.square(values - reference).sum() / np.square(reference).sum()))
