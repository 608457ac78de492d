"""What a benchmark, or a user's own equation, has to say of itself."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import sampling
from ..taylor.embeddings import Embedding, Waves
from ..taylor.partials import Fields, Plan
from .conditions import Condition, Trial
from .outputs import Outputs
from .unknowns import Unknown

__all__ = ["Problem"]

TEST_POINTS = 201**2  # of the default test grid, at most
MODES = 4  # of a periodic coordinate, unless told
TRIES = 1000  # of drawing points, in numbers of points


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

    More than that is optional: several conditions with names, several equations, unknown coefficients, other domains than boxes,
    other units, and conditions that hold exactly.  The guide *Your own equation* has an example of each.

    Attributes:
        coordinates: one letter each.
        fields: the network's outputs.
        domain: ``(low, high)`` for each coordinate; of a domain that is not a box, the box around it.
        partials: the values that :meth:`residual` reads, such as ``"u"``, ``"u_x"``, ``"u_xx"``; at most fourth order.
        operators: sums of partials that travel as one stream (see :mod:`pinnlib.taylor.propagation`).
        unknowns: coefficients that are to be found, ``{"k": 0.5}`` or ``{"k": pl.Unknown(0.5, positive=True)}``: read them as
            ``d.k``; ``run.history["k"]`` has their course.
        periodic: coordinates in which all fields are periodic over the domain, exactly: ``("x",)``, or with the number of
            Fourier modes that the network is given, ``{"x": 4}``.
        normalize: give the network coordinates in [-1, 1] instead of the domain's own, and take residual and misfits in units
            of the largest term that such a network can have, so that the loss has no units.  All derivatives stay exact.
        magnitudes: typical sizes of fields, ``{"T": 300.0}``: the network gives the field over its size.
        embedding: what the network is given instead of the coordinates; made of the three before, unless you give one.
        observed: the values that :meth:`observe` reads; the fields unless told.
        reference_error: the reference's own estimated relative L2 error; 0 where it is a closed form.
        resolution: points a side of the test grid; unless told 201, or as many as keep it at 40,401 points.
    """

    coordinates: tuple[str, ...]
    fields: tuple[str, ...]
    domain: tuple[tuple[float, float], ...]
    partials: tuple[str, ...]
    operators: Mapping[str, Mapping[str, float]] = {}
    unknowns: Mapping[str, Unknown | float] = {}
    periodic: Sequence[str] | Mapping[str, int] = ()
    normalize: bool = False
    magnitudes: Mapping[str, float] = {}
    observed: tuple[str, ...] = ()
    reference_error: float = 0.0
    resolution: int | None = None
    _given: Mapping[str, Any]

    def __init_subclass__(cls, **named: Any) -> None:
        """Let help and :func:`inspect.signature` show the constructor, not :meth:`__new__`."""
        super().__init_subclass__(**named)
        own = inspect.signature(cls.__init__).parameters.values() if cls.__init__ is not object.__init__ else ()
        cls.__signature__ = inspect.Signature(list(own)[1:])  # type: ignore[attr-defined]

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        """Keep what the constructor is given, for :meth:`settings`."""
        one = super().__new__(cls)
        try:
            bound = inspect.signature(cls).bind(*arguments, **named)
        except TypeError:  # __init__ says it better
            return one
        bound.apply_defaults()
        one._given = bound.arguments
        return one

    @abstractmethod
    def residual(self, points: Tensor, d: Fields) -> Tensor | Mapping[str, Tensor]:
        """What the equation leaves over, ``(..., n_points)``, at ``points`` ``(..., n_points, n_coordinates)``.

        Points may carry leading batch axes: take coordinates as ``points[..., 0]``.  Each point's residual must follow from
        that point alone.  For a system, return a dict of such tensors by the equations' names: the loss sums their mean
        squares, and each has its own points' weights.
        """

    def data(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Boundary or initial data: points ``(m, n_coordinates)`` and values ``(m, n_observed)``; m is about ``n``.

        The short form of :meth:`conditions`, for one condition.
        """
        raise NotImplementedError

    def conditions(self, n: int, seed: int) -> Sequence[Condition]:
        """All conditions, with about ``n`` points together; override it, or :meth:`data`.

        Their names, formulas and numbers of points must be the same for all seeds.

        Raises:
            ValueError: the problem has none.
        """
        if type(self).data is Problem.data:
            if self.has_transform:
                return []
            name = type(self).__name__
            raise ValueError(
                f"{name} has no conditions: add a method data(n, seed) or conditions(n, seed), or transform(points, network) for "
                "conditions that hold exactly"
            )
        found = self.data(n, seed)
        if not (isinstance(found, tuple | list) and len(found) == 2):
            raise ValueError(f"{type(self).__name__}.data gives {type(found).__name__}: return two arrays, points and values")
        return [Condition("data", found[0], None, found[1])]

    def points(self, n: int, seed: int) -> np.ndarray:
        """Override: ``n`` collocation points ``(n, n_coordinates)`` in random order, drawn from ``seed``.

        It is asked for 10,000 more as test points, where there is a reference, unless :meth:`test_grid` is overridden too.
        """
        raise NotImplementedError

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Override: which of ``points`` ``(n_points, n_coordinates)`` of the box belong to the domain, ``(n_points,)`` bool."""
        raise NotImplementedError

    def transform(self, points: Tensor, network: Tensor) -> Tensor:
        """Override: the fields from what the network gives, so that a condition holds exactly, such as ``x * (1 - x) * network``.

        Derivatives, errors and predictions are then those of the result.

        Args:
            points: ``(..., n_points, n_coordinates)``.
            network: ``(..., n_points, n_fields)``; return the same shape.
        """
        return network

    def observe(self, d: Fields) -> Tensor:
        """What data and reference speak of, ``(..., n_points, n_observed)``: the fields; override it for a formula of them."""
        return torch.stack([getattr(d, name) for name in self.observed_outputs.names], dim=-1)

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

    @property
    def has_transform(self) -> bool:
        """Whether the fields are not the network's own outputs."""
        return type(self).transform is not Problem.transform

    @property
    def maps_outputs(self) -> bool:
        """Whether a prediction needs the problem beside the network."""
        return self.has_transform or bool(self.magnitudes)

    def solution(self, points: np.ndarray) -> np.ndarray:
        """Reference values ``(n_points, n_observed)``, float64, at ``points`` ``(n_points, n_coordinates)``.

        Raises:
            ValueError: the problem has no reference, the points have another number of coordinates, or the reference is not of
                this shape.
        """
        if not self.has_reference:
            raise ValueError(
                f"{self} has no reference solution: add a method reference(points) to {type(self).__name__}, "
                "or read the losses and the SNR, which need none"
            )
        points = np.asarray(points, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != len(self.coordinates):
            raise ValueError(f"points have shape {points.shape}: {self} needs (n_points, {len(self.coordinates)})")
        values = _array(f"{type(self).__name__}.reference", self.reference(points))
        values = values[:, None] if values.shape == (len(points),) else values
        if values.ndim != 2 or len(values) != len(points):
            raise ValueError(
                f"{type(self).__name__}.reference gives shape {values.shape} at {len(points)} points: "
                f"return ({len(points)}, n_observed)"
            )
        return values

    def collocation_points(self, n: int, seed: int, method: str = "latin hypercube") -> np.ndarray:
        """``n`` points ``(n, n_coordinates)`` where the residual is taken, in random order.

        They are those of :meth:`points`, or drawn from the box by ``method`` and kept where :meth:`inside` says so.

        Raises:
            ValueError: too few points lie inside, or :meth:`points` gives others than it was asked for.
        """
        name, d = type(self).__name__, len(self.coordinates)
        if type(self).points is not Problem.points:
            found = _array(f"{name}.points", self.points(n, seed))
            if found.shape != (n, d) or not np.isfinite(found).all():
                what = f"shape {found.shape}" if found.shape != (n, d) else "a number that is not finite"
                raise ValueError(f"{name}.points({n}, {seed}) gives {what}: return {n} finite points, ({n}, {d})")
            return found
        if type(self).inside is Problem.inside:
            return sampling.interior(self.domain, n, seed=seed, method=method)
        kept, drawn = np.empty((0, d)), n
        while len(kept) < n and drawn <= TRIES * n:
            pool = sampling.interior(self.domain, drawn, seed=seed, method=method)
            kept, drawn = pool[self._mask(pool)][:n], 2 * drawn
        if len(kept) < n:
            raise ValueError(
                f"{name}.inside keeps {len(kept)} of {drawn // 2:,} points of the box: give a domain that fits it closely"
            )
        return kept

    def pool(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """``n`` uniform points to choose from, ``(n, n_coordinates)``."""
        if type(self).points is not Problem.points:
            return self.collocation_points(n, int(rng.integers(2**31)))
        low, high = np.array(self.domain, dtype=float).T
        found = low + rng.random((n, len(low))) * (high - low)
        if type(self).inside is Problem.inside:
            return found
        found = found[self._mask(found)]
        while len(found) < n:
            more = low + rng.random((n, len(low))) * (high - low)
            found = np.concatenate([found, more[self._mask(more)]])
        return found[:n]

    def _mask(self, points: np.ndarray) -> np.ndarray:
        mask = np.asarray(self.inside(points))
        if mask.shape != (len(points),) or mask.dtype != bool:
            raise ValueError(
                f"{type(self).__name__}.inside gives {mask.dtype} of shape {mask.shape} at {len(points)} points: "
                "return one bool a point"
            )
        return mask

    def test_grid(self) -> np.ndarray:
        """Where the relative L2 error is taken ``(n_points, n_coordinates)``: the points of a regular grid that are inside.

        Where the problem draws its own points and does not say what is inside, some of these.
        """
        if type(self).inside is Problem.inside and type(self).points is not Problem.points:
            return self.collocation_points(10_000, seed=10**9 + 1)
        side = self.resolution or min(201, math.floor(TEST_POINTS ** (1.0 / len(self.coordinates)) + 1e-9))
        grid = sampling.grid(self.domain, side)
        return grid if type(self).inside is Problem.inside else grid[self._mask(grid)]

    @cached_property
    def unknown(self) -> dict[str, Unknown]:
        """The unknown coefficients by name."""
        return {name: one if isinstance(one, Unknown) else Unknown(one) for name, one in self.unknowns.items()}

    @cached_property
    def embedding(self) -> Embedding | None:
        """What the network is given instead of the coordinates; None for these."""
        n = len(self.coordinates)
        modes = self.periodic if isinstance(self.periodic, Mapping) else dict.fromkeys(self.periodic, MODES)
        if isinstance(self.periodic, set | frozenset):  # whose order is another one in each process
            modes = dict.fromkeys(sorted(self.periodic, key=self.coordinates.index), MODES)
        waves = [
            Waves(self.coordinates.index(name), self.domain[self.coordinates.index(name)], many) for name, many in modes.items()
        ]
        if not (waves or self.normalize):
            return None
        maps = tuple(((low + high) / 2.0, 2.0 / (high - low)) for low, high in self.domain) if self.normalize else None
        return Embedding(n, tuple(waves), maps)

    def slope(self, coordinate: int) -> float:
        """How fast what the network is given changes with a coordinate, by its number."""
        low, high = self.domain[coordinate]
        return 2.0 / (high - low) if self.normalize else 1.0

    @cached_property
    def residual_outputs(self) -> Outputs:
        """What the residual reads."""
        outputs = Outputs(self, self.partials, self.operators)
        if self.normalize:  # what is named and not read has no part in the unit
            low, high = np.array(self.domain, dtype=float).T
            points = torch.as_tensor(np.stack([low + 0.4 * (high - low), low + 0.6 * (high - low)]), device="cpu")
            trial = Trial(self, points)
            try:
                self.residual(points, trial)
            except Exception:  # the checks say it better
                return outputs
            operators = {name: terms for name, terms in self.operators.items() if name in trial.read}
            outputs.scale = Outputs(self, [name for name in self.partials if name in trial.read], operators).scale
        return outputs

    @cached_property
    def observed_outputs(self) -> Outputs:
        """What :meth:`observe` reads."""
        return Outputs(self, self.observed or self.fields, {})

    @property
    def plan(self) -> Plan:
        """The streams that the residual needs."""
        return self.residual_outputs.plan

    @property
    def observe_plan(self) -> Plan:
        """The streams that :meth:`observe` needs."""
        return self.observed_outputs.plan

    @property
    def inputs(self) -> int:
        """Inputs of the network."""
        return len(self.coordinates) if self.embedding is None else self.embedding.n_features

    @cached_property
    def equations(self) -> tuple[str, ...]:
        """Names of a system's equations, found by a trial at two points; none where there is one equation without a name."""
        low, high = np.array(self.domain, dtype=float).T
        points = torch.as_tensor(np.stack([low + 0.4 * (high - low), low + 0.6 * (high - low)]), device="cpu")
        streams = points.new_full((self.plan.n_streams, 2, len(self.fields)), 0.5, dtype=torch.float64)
        thetas = points.new_zeros(len(self.unknown), dtype=torch.float64)
        found = self.residual(points, self.residual_outputs(streams, points, thetas))
        return tuple(found) if isinstance(found, Mapping) else ()

    def residuals(self, points: Tensor, d: Fields, lead: int = 0) -> Tensor:
        """What enters the loss: :meth:`residual`, a system's equations as one more axis behind the ``lead`` first ones.

        Returns:
            ``(*lead, ..., n_points)``, or ``(*lead, n_equations, ..., n_points)`` for a system; in units of its largest term
            where the problem is normalized.
        """
        found = self.residual(points, d)
        whole = torch.stack([found[name] for name in self.equations], dim=lead) if isinstance(found, Mapping) else found
        scale = self.residual_outputs.scale if self.normalize else 1.0
        return whole if scale == 1.0 else whole / scale

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments, by name: what is needed to make this problem again.

        An argument is taken from the attribute of its name; where there is none, as it was given.
        """
        found: dict[str, Any] = {}
        for name, parameter in inspect.signature(type(self)).parameters.items():
            given = getattr(self, "_given", {}).get(name)
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                found |= given or {}
            elif callable(getattr(type(self), name, None)) and name not in vars(self):  # an argument named like a method
                found[name] = given
            else:
                found[name] = getattr(self, name, given)
        return found

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.settings().items())
        return f"{type(self).__name__}({inside})"


def _array(what: str, values: Any) -> np.ndarray:
    """As float64.

    Raises:
        ValueError: they are no real numbers.
    """
    values = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    try:
        if np.iscomplexobj(values):
            raise ValueError("complex numbers")
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} gives no array of real numbers ({error}): return one of equal rows") from error


def relative_l2(values: np.ndarray, reference: np.ndarray) -> float:
    """norm2(values - reference) / norm2(reference), over all points and fields.

    Raises:
        ValueError: two shapes.
    """
    if values.shape != reference.shape:
        raise ValueError(f"values of shape {values.shape} against a reference of shape {reference.shape}: give equal shapes")
    # sums, not np.linalg.norm: that wakes BLAS's own threads, which take the cores from torch's
    return float(np.sqrt(np.square(values - reference).sum() / np.square(reference).sum()))
