"""Who takes part: a name, and where the function is that makes its step from a case."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from .case import Case

__all__ = ["CONTENDERS", "Missing", "build"]

CONTENDERS = {
    "pinnlib, compiled": "benchmarks.ours:compiled",
    "pinnlib": "benchmarks.ours:eager",
    "PyTorch, nested": "benchmarks.rivals:nested_torch",
    "JAX, nested": "benchmarks.rivals:jax_nested",
    "JAX, forward": "benchmarks.rivals:jax_forward",
    "DeepXDE": "benchmarks.rivals:deepxde_torch",
}


class Missing(Exception):
    """A contender that cannot take part here, and why."""


def build(name: str, case: Case) -> Callable[[], float]:
    """A contender's step for a case.

    Raises:
        Missing: its framework is not installed, or its function does not exist.
    """
    module, _, function = CONTENDERS[name].partition(":")
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise Missing(str(error)) from error
    try:
        return make(case)
    except ImportError as error:
        raise Missing(str(error)) from error
