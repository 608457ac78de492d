"""What a run's file says of its problem: its name, and the constructor's arguments as JSON and arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from .. import problems

__all__ = ["canonical", "check_fits", "describe", "is_ours", "pack", "unpack"]


def describe(problem: problems.Problem) -> dict[str, Any]:
    """Name, settings and sizes of a problem, with ``module`` where it is not one of pinnlib's."""
    spec: dict[str, Any] = {
        "name": type(problem).__name__.lower(),
        "settings": problem.settings(),
        "coordinates": list(problem.coordinates),
        "fields": list(problem.fields),
        "inputs": problem.inputs,
    }
    if problem.unknown:
        spec["unknowns"] = list(problem.unknown)
    if problem.embedding is not None and problem.inputs == len(problem.coordinates):
        spec["embedded"] = True  # else their number says so
    if problem.maps_outputs:
        spec["maps_outputs"] = True
    if problems.KNOWN.get(spec["name"]) is not type(problem):
        spec["module"] = type(problem).__module__
    return spec


def is_ours(spec: Mapping[str, Any]) -> bool:
    """Whether the problem is one of pinnlib's, and not one of somebody else's with the same name."""
    return spec["name"] in problems.KNOWN and "module" not in spec


def check_fits(spec: Mapping[str, Any], problem: problems.Problem, where: str) -> None:
    """Say so where a run is of another problem.

    Raises:
        ValueError: its class, coordinates, fields, unknowns or settings are others.
    """
    own = describe(problem)
    for name in ("name", "coordinates", "fields", "inputs"):
        if spec.get(name, own.get(name)) != own.get(name):
            raise ValueError(
                f"{where} is of a problem with {name} = {spec.get(name)!r}, and {problem!r} has {own.get(name)!r}: "
                "give the problem that it was trained on"
            )
    for name in ("unknowns", "embedded", "maps_outputs"):
        if spec.get(name) != own.get(name):
            raise ValueError(
                f"{where} is of a problem with {name} = {spec.get(name)!r}, and {problem!r} has {own.get(name)!r}: "
                "give the problem that it was trained on"
            )
    had, asked = pack(spec["settings"], {}), pack(own["settings"], {})
    other = [
        name
        for name in asked
        if name in had and _comparable(had[name], asked[name]) and json.dumps(had[name]) != json.dumps(asked[name])
    ]
    if other:
        what = ", ".join(f"{name} = {spec['settings'][name]!r}" for name in other)
        raise ValueError(f"{where} was trained with {what}, and {problem!r} has others: give the problem that it was trained on")


def canonical(settings: Mapping[str, Any]) -> str:
    """One text for all settings that mean the same, made here or read from a file: lists for tuples, digests for arrays."""
    return json.dumps(pack(settings, {}), sort_keys=True)


def _comparable(*values: Any) -> bool:
    return not any(isinstance(value, Mapping) and "unsaved" in value for value in values)


def pack(value: Any, arrays: dict[str, np.ndarray], name: str = "settings") -> Any:
    """As JSON can have it; arrays go to ``arrays`` under their name, and of what is neither only its kind is kept."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): pack(one, arrays, f"{name}/{key}") for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [pack(one, arrays, f"{name}/{k}") for k, one in enumerate(value)]
    if isinstance(value, Tensor):
        try:
            value = value.detach().cpu().numpy()
        except TypeError:  # bfloat16, sparse
            return {"unsaved": type(value).__name__}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        while name in arrays:  # {"a/b": ..., "a": {"b": ...}}
            name += "'"
        arrays[name] = value
        return {"array": name, "sha256": hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}
    return {"unsaved": type(value).__name__}


def unpack(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The inverse of :func:`pack`, with lists for tuples; what was not saved stays as it is described."""
    if isinstance(value, Mapping):
        if set(value) == {"array", "sha256"} and isinstance(value["array"], str) and value["array"] in arrays:
            return arrays[value["array"]]
        return {key: unpack(one, arrays) for key, one in value.items()}
    return [unpack(one, arrays) for one in value] if isinstance(value, list) else value
