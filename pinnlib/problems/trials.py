"""A problem's formulas, tried at a few points with numbers that no network gives, before the first step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..taylor.partials import Fields
from .base import Problem
from .conditions import Condition
from .outputs import Outputs

__all__ = ["FEW", "check_condition", "check_residual", "name_of", "number_of", "place_of", "warn_outside"]

#: Points that are looked at together and one by one.
FEW = 6
#: Largest difference between the two, relative to the largest value.
TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-9}


def check_residual(problem: Problem, points: Tensor, like: Tensor, read: set[str]) -> None:
    """Look at the residual's kind and shape, at what it depends on, and whether it looks at one point at a time.

    Args:
        problem: whose residual; its ``equations`` are set.
        points: a few collocation points ``(n_points, n_coordinates)``.
        like: a number of the training's precision, on its device.
        read: the names that are read are added to these.

    Raises:
        ValueError: it is not sound.
    """
    name = f"{name_of(problem)}.residual"

    thetas = _thetas(problem, like)

    def found(places: Tensor, streams: Tensor) -> Any:
        own = thetas.to(streams).expand(*places.shape[:-2], -1)
        return _call(
            name, places, lambda: problem.residual(places, _Seen(name, problem.residual_outputs(streams, places, own), read))
        )

    streams = _some(problem, points, problem.residual_outputs, like)
    together = found(*_batched(points, streams))
    if isinstance(together, Mapping):
        problem.equations = tuple(together)
        if not problem.equations or not all(isinstance(one, str) and one.isidentifier() for one in problem.equations):
            raise ValueError(f"{name} returns a dict with the names {problem.equations}: give each equation a word as its name")
    else:
        problem.equations = ()
    parts = together if isinstance(together, Mapping) else {"": together}
    for equation, value in parts.items():
        what = f"{name}, equation {equation!r}," if equation else name
        if not isinstance(value, Tensor):
            kind = f"a {type(value).__name__}"
            raise ValueError(f"{what} returns {kind}: return a tensor, and for several equations a dict of them by name")
        _check_shape(what, value, points, _batched(points, streams)[0].shape[:-1], "residual")
        _check_graph(problem, what, value, streams, thetas, points)

    def compare(points: Tensor, streams: Tensor) -> None:
        def one_by_one(k: int, shape: tuple[int, ...]) -> dict[str, Tensor]:
            alone = found(points[k].view(*shape, -1), streams[:, k].unsqueeze(1).view(*shape[:-1], len(streams), 1, -1))
            alone = dict(alone) if isinstance(alone, Mapping) else {"": alone}
            if set(alone) != set(parts):
                raise ValueError(f"{name} returns other names at other points, {(*parts,)} and {(*alone,)}: return the same dict")
            return alone

        both = found(*_batched(points, streams))
        alone = [one_by_one(k, (1, 1) if k % 2 else (1,)) for k in range(len(points))]
        for equation, value in (both if isinstance(both, Mapping) else {"": both}).items():
            what = f"{name}, equation {equation!r}," if equation else name
            _check_alone(what, value, [one[equation] for one in alone], points.dtype)

    for sign in (1.0, -1.0):  # formulas may be blind to one, such as relu
        compare(points, sign * streams.detach())
        try:  # where rounding hides nothing, unless the formula is bound to its precision
            found(*_batched(points.double(), streams.detach().double()))
        except (ValueError, NotImplementedError):
            continue
        compare(points.double(), sign * streams.detach().double())


def check_condition(problem: Problem, one: Condition, like: Tensor, read: set[str]) -> None:
    """The same of a condition, its values and its misfit; arguments as in :func:`check_residual`.

    Raises:
        ValueError: it is not sound.
    """
    name, d = f"condition {one.name!r} of {name_of(problem)}", len(problem.coordinates)
    if one.name == "data" and one.formula is None:
        name = f"{name_of(problem)}.data"
    if one.points.shape[1] != d:
        raise ValueError(
            f"{name} has points of shape {one.points.shape}: {d} coordinates ({', '.join(problem.coordinates)}) need "
            f"({len(one.points)}, {d})"
        )
    warn_outside(problem, name, one.places)
    here = torch.tensor(one.points[:FEW], dtype=like.dtype, device=like.device)
    there = None if one.partner is None else torch.tensor(one.partner[:FEW], dtype=like.dtype, device=like.device)
    places = here if there is None else torch.cat([here, there])
    outputs = _call(name, places, lambda: one.outputs(problem, places))
    streams = _some(problem, places, outputs, like)
    thetas = _thetas(problem, like)
    asked = "observed" if one.formula is None else ""

    def found(chosen: list[int], lead: tuple[int, ...] = ()) -> Tensor:
        index = chosen if there is None else [*chosen, *(k + len(here) for k in chosen)]
        where, given = places[index].expand(*lead, -1, -1), streams[:, index].expand(*lead, -1, -1, -1)
        seen = lambda *arguments: _Seen(name, outputs(*arguments), read, asked)  # noqa: E731
        return _call(name, where, lambda: one.found(problem, seen, given, where, thetas.expand(*lead, -1)))

    together = found(list(range(len(here))))
    k = np.shape(one.values)[1]
    if not isinstance(together, Tensor):
        raise ValueError(
            f"{name}: {name_of(problem)}.observe returns a {type(together).__name__}: return a tensor of a number a point"
        )
    if together.is_complex():
        raise ValueError(f"{name} gives complex numbers: return its real and imaginary parts as two")
    if together.shape[:1] != here.shape[:1] or together.ndim != 2:
        raise ValueError(
            f"{name} gives shape {tuple(together.shape)} at {len(here)} points: return one number a point, or several "
            "in a sequence"
        )
    misfit = _call(name, here, lambda: one.misfit(problem, together, _values(one, like)[:FEW], 1.0))
    if (one.formula is not None or type(problem).misfit is Problem.misfit) and together.shape[1] != k and not one.constant:
        named = ", ".join(problem.observed or problem.fields)
        what = f"{together.shape[1]} are observed ({named})" if one.formula is None else f"its formula gives {together.shape[1]}"
        raise ValueError(
            f"{name} has values with {k} column{'s' * (k != 1)}, and {what}: "
            f"give ({len(one.points)}, {together.shape[1]}), or conditions of their own for what is not known everywhere"
        )
    if misfit.ndim != 2 or len(misfit) != len(here):
        raise ValueError(
            f"{name_of(problem)}.misfit gives shape {tuple(misfit.shape)} at {len(here)} points: return ({len(here)}, k)"
        )
    _check_graph(problem, name, together, streams, thetas, places)
    _check_graph(problem, f"{name_of(problem)}.misfit", misfit, streams, thetas, places)
    alone = [found([k]) for k in range(len(here))]
    _check_alone(name, together.T, [value.T for value in alone], like.dtype)
    several = found(list(range(len(here))), (2,))  # as an ensemble asks
    if several.shape != (2, *together.shape):
        several = several.new_full((2, *together.shape), torch.inf)
    for value in several:
        _check_alone(name, together.T, [row.unsqueeze(-1) for row in value], like.dtype)
    each = [one.misfit(problem, value, _values(one, like)[k : k + 1], 1.0).T for k, value in enumerate(alone)]
    _check_alone(f"{name_of(problem)}.misfit", misfit.T, each, like.dtype)


def warn_outside(problem: Problem, what: str, points: np.ndarray) -> None:
    """Warn of points ``(n_points, n_coordinates)`` outside the box: they may be meant, or a mistake."""
    low, high = np.array(problem.domain, dtype=float).T
    outside = ((points < low - 1e-6 * (high - low)) | (points > high + 1e-6 * (high - low))).any(axis=1)
    if outside.any():
        where = f"{what} has {outside.sum()} of {len(outside)} points outside the domain"
        warnings.warn(f"{where}, such as {place_of(problem, points[outside][0])}", stacklevel=6)


def _values(one: Condition, like: Tensor) -> Tensor:
    return torch.as_tensor(one.values, dtype=like.dtype, device=like.device)


def _some(problem: Problem, points: Tensor, outputs: Outputs, like: Tensor) -> Tensor:
    """Streams that no network gives, ``(n_streams, n_points, n_fields)``: any formula must do with them."""
    shape = outputs.plan.n_streams, len(points), len(problem.fields)
    numbers = torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64, device="cpu") + 0.25
    return numbers.to(like).requires_grad_()


def _thetas(problem: Problem, like: Tensor) -> Tensor:
    """Not where a search begins, which may be at 0."""
    return like.new_full((len(problem.unknown),), 0.1).requires_grad_()


class _Seen(Fields):
    """Takes down which names a formula reads, and says in whose it is where there is none."""

    def __init__(self, who: str, found: Fields, read: set[str], asked: str = "") -> None:
        self._who, self._found, self._read, self._asked = who, found, read, asked

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_"):
            raise AttributeError(name)
        self._read.add(name)
        try:
            value: Tensor = getattr(self._found, name)
        except AttributeError as error:
            where = f"the problem observes less; add {name!r} to observed" if self._asked else f"{error}"
            raise ValueError(f"{self._who}: {f'no {name!r} here: ' if self._asked else ''}{where}") from None
        return value


def _batched(points: Tensor, streams: Tensor) -> tuple[Tensor, Tensor]:
    """The same in two batches, if there are points enough, as a pass has them."""
    batches = 2 if len(points) % 2 == 0 else 1
    return points.unflatten(0, (batches, -1)), streams.unflatten(1, (batches, -1)).transpose(0, 1)


def _call(name: str, places: Tensor, formula: Callable[[], Any]) -> Any:
    """What the formula gives; what torch says of shapes comes with the shape of the points.

    Raises:
        ValueError: the formula failed.
    """
    version = places._version
    try:
        found = formula()
    except (RuntimeError, IndexError, TypeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        if "same device" in first:
            why = f"points are on {places.device}, so move what the problem keeps there, by kept.to(points)"
        else:
            why = "points may carry leading axes, so take coordinates as points[..., 0], and return one number a point"
        raise ValueError(f"{name} failed at points of shape {tuple(places.shape)} ({first}): {why}") from error
    if places._version != version:
        raise ValueError(f"{name} changes the points in place: change a copy of them, points.clone()")
    return found


def _check_shape(what: str, value: Tensor, points: Tensor, shape: Sequence[int], kind: str) -> None:
    if value.is_complex():
        raise ValueError(f"{what} is complex: return its real and imaginary parts as two equations, in a dict by name")
    if tuple(value.shape) != tuple(shape):
        raise ValueError(
            f"{what} has shape {tuple(value.shape)} at points of shape {(*shape, points.shape[-1])}: return one {kind} a point, "
            f"{tuple(shape)}; take coordinates as points[..., 0], and return several equations as a dict by name"
        )


def _check_graph(problem: Problem, what: str, value: Tensor, streams: Tensor, thetas: Tensor, places: Tensor) -> None:
    """Look at what a value depends on."""
    own = (streams, thetas)
    if not value.requires_grad or all(
        g is None for g in torch.autograd.grad(value.sum(), own, retain_graph=True, allow_unused=True)
    ):
        raise ValueError(f"{what} does not depend on the network: read its fields from d, such as d.{problem.fields[0]}")
    seen, waiting, other = set(), [value.grad_fn], []
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if leaf is not None and not any(leaf is one for one in own) and not _is_away(problem, leaf):
            other.append(leaf)
        waiting += [child for child, _ in node.next_functions]
    if other:
        raise ValueError(
            f"{what} reads a torch parameter of shape {tuple(other[0].shape)} that nothing trains: give it as an unknown, "
            f"unknowns = {{'k': {number_of(other[0])}}}, and read it as d.k"
        )


def _is_away(problem: Problem, leaf: Tensor) -> bool:
    """Whether it is what a transform is derived by."""
    return problem.has_transform and not isinstance(leaf, torch.nn.Parameter) and leaf.ndim > 1 and not bool(leaf.any())


def _check_alone(what: str, together: Tensor, alone: Sequence[Tensor], dtype: torch.dtype) -> None:
    """Each point's value must follow from that point alone, or it depends on how points are cut into batches and chunks.

    Args:
        what: whose values.
        together: of all points, along the last axes.
        alone: of each.
        dtype: of the numbers.

    Raises:
        ValueError: the two differ.
    """
    both = together.detach().flatten(), torch.stack([one.detach().reshape(-1) for one in alone], dim=-1).flatten()
    if both[0].shape == both[1].shape:
        a, b = (torch.nan_to_num(one.double(), nan=0.0, posinf=0.0, neginf=0.0) for one in both)
        if float((a - b).abs().max()) <= TOLERANCE[dtype] * max(float(a.abs().max()), float(b.abs().max())):
            return
    raise ValueError(
        f"{what} gives a point other values among others than alone: it must look at one point at a time, since points are "
        "cut into batches; take coordinates as points[..., 0], not points[:, 0], and no mean, sum or integral over points"
    )


def place_of(problem: Problem, point: np.ndarray) -> str:
    """A point ``(n_coordinates,)`` in words."""
    return ", ".join(f"{name} = {value:.6g}" for name, value in zip(problem.coordinates, point, strict=True))


def number_of(value: Tensor) -> str:
    """Its first number in words."""
    return f"{value.detach().flatten()[0].item():g}" if value.numel() else "0.5"


def name_of(problem: Problem) -> str:
    """That of its class."""
    return type(problem).__name__
