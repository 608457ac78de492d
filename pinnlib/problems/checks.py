"""What a user's problem gives, looked at before the first step: nothing may go wrong in silence later."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..taylor.partials import Fields
from .base import Problem
from .conditions import Condition
from .outputs import Outputs

__all__ = ["check", "check_description", "check_start", "reference"]

#: Points that are looked at together and one by one.
FEW = 6
#: Largest difference between the two, relative to the largest value.
TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-9}
#: Names in ``run.history`` that an unknown coefficient cannot have, besides those that a probe measures.
TAKEN = ("step", "loss", "snr", "signal", "noise", "rel_l2", "wall_time", "rba_mean", "rba_max")


def check(
    problem: Problem,
    points: np.ndarray,
    conditions: Sequence[Condition],
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> None:
    """Look at a problem, at what it draws, and at what its formulas give at a few points.

    Args:
        problem: what is to be solved.
        points: its collocation points ``(n_points, n_coordinates)``.
        conditions: its conditions.
        dtype: of the training.
        device: of the training.

    Raises:
        ValueError: something is not sound; the sentence names it, and what to do.
    """
    check_description(problem)
    like = torch.zeros((), dtype=dtype, device=device)
    _check_residual(problem, torch.as_tensor(points[:FEW], dtype=dtype, device=device), like)
    names = [one.name for one in conditions]
    for name in names:
        if names.count(name) > 1 or name in problem.equations or name in ("residual", "data_term"):
            raise ValueError(
                f"{_name(problem)} has two losses called {name!r}: give each condition and each equation a name of its own"
            )
    for one in conditions:
        _check_condition(problem, one, like)


def check_description(problem: Problem) -> None:
    """Look at what a problem says of itself.

    Raises:
        ValueError: names, domain, unknowns or attributes that are not sound.
    """
    name = _name(problem)
    for needed in ("coordinates", "fields", "domain", "partials"):
        if not hasattr(problem, needed):
            raise ValueError(f"{name} has no {needed}: give it as an attribute of the class, see pinnlib.Problem")
    _check_domain(problem)
    for group in ("magnitudes", "periodic"):
        known = problem.fields if group == "magnitudes" else problem.coordinates
        other = [key for key in getattr(problem, group) if key not in known]
        if other:
            raise ValueError(f"{name} has {group} of {other}: its names are {tuple(known)}")
    for field, size in problem.magnitudes.items():
        if not (isinstance(size, int | float) and math.isfinite(size) and size > 0):
            raise ValueError(f"{name} gives {field!r} the magnitude {size!r}: give a positive number")
    for outputs in ("residual_outputs", "observed_outputs"):
        getattr(problem, outputs)  # names are checked on the way
    read = {*problem.fields, *problem.coordinates, *problem.partials, *problem.operators}
    for unknown in problem.unknown:
        if not unknown.isidentifier() or unknown.startswith("_") or unknown in read or unknown in TAKEN:
            raise ValueError(f"{name} has an unknown coefficient called {unknown!r}: give it a word that means nothing else here")
    for where, what in _attributes(problem):
        if isinstance(what, Tensor) and what.requires_grad:
            raise ValueError(
                f"{name} keeps {where}, a torch parameter that nothing trains: write unknowns = {{{where!r}: {_number(what)}}} "
                f"and read it as d.{where}, or detach it where it is a constant"
            )
        if isinstance(what, torch.nn.Module) and any(p.requires_grad for p in what.parameters()):
            raise ValueError(
                f"{name} keeps {where}, a torch module whose parameters nothing trains: make what it stands for a field of its "
                "own, or call requires_grad_(False) where it is fixed"
            )
    problem.settings()


def check_start(problem: Problem, points: np.ndarray, residual: Tensor) -> None:
    """Say so where the residual of an untrained network is not finite at a point: no learning rate mends that.

    Args:
        problem: whose residual.
        points: ``(n_points, n_coordinates)``.
        residual: at these, ``(..., n_points)``; of several networks that of the first is looked at.

    Raises:
        ValueError: it is not finite somewhere.
    """
    of_one = residual.detach().double().cpu().numpy().reshape(-1, residual.shape[-1])[: max(len(problem.equations), 1)]
    bad = np.flatnonzero(~np.isfinite(of_one).all(axis=0))
    if len(bad):
        raise ValueError(
            f"{_name(problem)}.residual is not a finite number before the first step at {len(bad)} of {len(points)} points, "
            f"such as {_place(problem, points[bad[0]])}: mend the formula there, or keep these points out of the domain"
        )


def reference(problem: Problem, grid: np.ndarray) -> np.ndarray:
    """What errors are taken against, ``problem.compared`` of the solution on the test grid ``(n_points, n_coordinates)``.

    Raises:
        ValueError: it has not the shape of what is observed, or is not finite.
    """
    found = problem.solution(grid)
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{_name(problem)}.reference is not finite at {_place(problem, grid[bad[0]])}, the first of {len(bad)}: "
            "mend it there, or give a test_grid without these points"
        )
    streams = torch.zeros(problem.observe_plan.n_streams, 1, len(problem.fields), dtype=torch.float64)
    where = torch.as_tensor(grid[:1])
    observed = problem.observe(problem.observed_outputs(streams, where, torch.zeros(len(problem.unknown), dtype=torch.float64)))
    if found.shape[1] != observed.shape[-1]:
        raise ValueError(
            f"{_name(problem)}.reference gives {found.shape[1]} columns, and {observed.shape[-1]} are observed "
            f"({', '.join(problem.observed or problem.fields)}): return (n_points, {observed.shape[-1]})"
        )
    return problem.compared(found)


def _check_domain(problem: Problem) -> None:
    name, domain, n = _name(problem), problem.domain, len(problem.coordinates)
    hint = f"give (low, high) for each of {', '.join(problem.coordinates)}, such as {((0.0, 1.0),) * n}"
    if not isinstance(domain, tuple | list) or any(not isinstance(side, tuple | list) or len(side) != 2 for side in domain):
        raise ValueError(f"{name} has the domain {domain!r}: {hint}")
    if len(domain) != n:
        raise ValueError(f"{name} has {n} coordinates and a domain with {len(domain)} sides: {hint}")
    for side in domain:
        if not all(isinstance(end, int | float) and math.isfinite(end) for end in side) or side[0] >= side[1]:
            raise ValueError(f"{name} has the domain {domain!r}, where {side!r} is not a finite low end and a higher one: {hint}")


def _attributes(problem: Problem) -> Iterator[tuple[str, Any]]:
    """Attributes of a problem and of its class, and what lists and dicts among them hold."""
    own = {
        name: value for one in reversed(type(problem).__mro__) for name, value in vars(one).items() if not name.startswith("__")
    }
    for name, value in (own | vars(problem)).items():
        yield name, value
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        yield from ((name, one) for one in inner)


def _check_residual(problem: Problem, points: Tensor, like: Tensor) -> None:
    name = f"{_name(problem)}.residual"

    def found(places: Tensor, streams: Tensor) -> Any:
        return _call(name, places, lambda: problem.residual(places, _fields(problem, problem.residual_outputs, places, streams)))

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
        _check_graph(problem, what, value, streams)

    def one_by_one(k: int, shape: tuple[int, ...]) -> dict[str, Tensor]:
        alone = found(points[k].view(*shape, -1), streams[:, k].unsqueeze(1).view(*shape[:-1], len(streams), 1, -1))
        return alone if isinstance(alone, dict) else dict(alone) if isinstance(alone, Mapping) else {"": alone}

    alone = [one_by_one(k, (1, 1) if k % 2 else (1,)) for k in range(len(points))]
    for equation, value in parts.items():
        _check_alone(f"{name}, equation {equation!r}," if equation else name, value, [one[equation] for one in alone], like)


def _check_condition(problem: Problem, one: Condition, like: Tensor) -> None:
    name, d = f"condition {one.name!r} of {_name(problem)}", len(problem.coordinates)
    if one.name == "data" and one.formula is None:
        name = f"{_name(problem)}.data"
    if one.points.shape[1] != d:
        raise ValueError(
            f"{name} has points of shape {one.points.shape}: {d} coordinates ({', '.join(problem.coordinates)}) need "
            f"({len(one.points)}, {d})"
        )
    low, high = np.array(problem.domain, dtype=float).T
    outside = ((one.places < low - 1e-6 * (high - low)) | (one.places > high + 1e-6 * (high - low))).any(axis=1)
    if outside.any():
        warnings.warn(
            f"{name} has {outside.sum()} of {len(outside)} points outside the domain, such as "
            f"{_place(problem, one.places[outside][0])}",
            stacklevel=5,
        )
    here = torch.as_tensor(one.points[:FEW], dtype=like.dtype, device=like.device)
    there = None if one.partner is None else torch.as_tensor(one.partner[:FEW], dtype=like.dtype, device=like.device)
    places = here if there is None else torch.cat([here, there])
    outputs = _call(name, places, lambda: one.outputs(problem, places))
    streams = _some(problem, places, outputs, like)
    thetas = _thetas(problem, places.shape[:-2], like)

    def found(chosen: list[int]) -> Tensor:
        index = chosen if there is None else [*chosen, *(k + len(here) for k in chosen)]
        return _call(name, places[index], lambda: one.found(problem, outputs, streams[:, index], places[index], thetas))

    together = found(list(range(len(here))))
    k = np.shape(one.values)[1]
    if together.shape[:1] != here.shape[:1] or together.ndim != 2:
        raise ValueError(
            f"{name} gives shape {tuple(together.shape)} at {len(here)} points: return one number a point, or several "
            "in a sequence"
        )
    misfit = _call(name, here, lambda: one.misfit(problem, together, _values(one, like)[:FEW], 1.0))
    if (one.formula is not None or type(problem).misfit is Problem.misfit) and together.shape[1] != k and not one.constant:
        what = (
            f"{together.shape[1]} observed ({', '.join(problem.observed or problem.fields)})"
            if one.formula is None
            else "that of the formula"
        )
        raise ValueError(
            f"{name} has values with {k} column{'s' * (k != 1)}, and {together.shape[1]} are needed, {what}: "
            f"give ({len(one.points)}, {together.shape[1]}), or conditions of their own for what is not known everywhere"
        )
    if misfit.ndim != 2 or len(misfit) != len(here):
        raise ValueError(
            f"{_name(problem)}.misfit gives shape {tuple(misfit.shape)} at {len(here)} points: return ({len(here)}, k)"
        )
    _check_graph(problem, name, together, streams)
    _check_alone(name, together.T, [found([k]).T for k in range(len(here))], like)


def _values(one: Condition, like: Tensor) -> Tensor:
    return torch.as_tensor(one.values, dtype=like.dtype, device=like.device)


def _some(problem: Problem, points: Tensor, outputs: Outputs, like: Tensor) -> Tensor:
    """Streams that no network gives, ``(n_streams, n_points, n_fields)``: any formula must do with them."""
    shape = outputs.plan.n_streams, len(points), len(problem.fields)
    numbers = torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.25
    return numbers.to(like).requires_grad_()


def _thetas(problem: Problem, batch: Sequence[int], like: Tensor) -> Tensor:
    return like.new_zeros(*batch, len(problem.unknown)).requires_grad_()


def _fields(problem: Problem, outputs: Outputs, places: Tensor, streams: Tensor) -> Fields:
    return outputs(streams, places, _thetas(problem, places.shape[:-2], streams.detach()))


def _batched(points: Tensor, streams: Tensor) -> tuple[Tensor, Tensor]:
    """The same in two batches, if there are points enough, as a pass has them."""
    batches = 2 if len(points) % 2 == 0 else 1
    return points.unflatten(0, (batches, -1)), streams.unflatten(1, (batches, -1)).transpose(0, 1)


def _call(name: str, places: Tensor, formula: Callable[[], Any]) -> Any:
    """What the formula gives; what torch says of shapes comes with the shape of the points.

    Raises:
        ValueError: the formula failed.
    """
    try:
        return formula()
    except (RuntimeError, IndexError, TypeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{name} failed at points of shape {tuple(places.shape)} ({first}): points may carry leading axes, so take "
            "coordinates as points[..., 0], and return one number a point"
        ) from error


def _check_shape(what: str, value: Tensor, points: Tensor, shape: Sequence[int], kind: str) -> None:
    if tuple(value.shape) != tuple(shape):
        raise ValueError(
            f"{what} has shape {tuple(value.shape)} at points of shape {(*shape, points.shape[-1])}: return one {kind} a point, "
            f"{tuple(shape)}; take coordinates as points[..., 0], and return several equations as a dict by name"
        )


def _check_graph(problem: Problem, what: str, value: Tensor, streams: Tensor) -> None:
    """Look at what a value depends on."""
    if not value.requires_grad:
        raise ValueError(f"{what} does not depend on the network: read its fields from d, such as d.{problem.fields[0]}")
    seen, waiting, other = set(), [value.grad_fn], []
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, torch.nn.Parameter):
            other.append(leaf)
        waiting += [child for child, _ in node.next_functions]
    if other:
        raise ValueError(
            f"{what} reads a torch parameter of shape {tuple(other[0].shape)} that nothing trains: give it as an unknown, "
            f"unknowns = {{'k': {_number(other[0])}}}, and read it as d.k"
        )


def _check_alone(what: str, together: Tensor, alone: Sequence[Tensor], like: Tensor) -> None:
    """Each point's value must follow from that point alone, or it depends on how points are cut into batches and chunks.

    Args:
        what: whose values.
        together: of all points, along the last axes.
        alone: of each.
        like: of the precision.

    Raises:
        ValueError: the two differ.
    """
    both = together.detach().flatten(), torch.stack([one.detach().reshape(-1) for one in alone], dim=-1).flatten()
    if both[0].shape == both[1].shape:
        a, b = (torch.nan_to_num(one.double(), nan=0.0, posinf=0.0, neginf=0.0) for one in both)
        if float((a - b).abs().max()) <= TOLERANCE[like.dtype] * max(float(a.abs().max()), float(b.abs().max())):
            return
    raise ValueError(
        f"{what} gives a point other values among others than alone: it must look at one point at a time, since points are "
        "cut into batches; take coordinates as points[..., 0], not points[:, 0], and no mean, sum or integral over points"
    )


def _place(problem: Problem, point: np.ndarray) -> str:
    return ", ".join(f"{name} = {value:.6g}" for name, value in zip(problem.coordinates, point, strict=True))


def _number(value: Tensor) -> str:
    return f"{value.detach().flatten()[0].item():g}" if value.numel() else "0.5"


def _name(problem: Problem) -> str:
    return type(problem).__name__
