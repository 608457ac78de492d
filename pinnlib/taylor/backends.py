"""Which path a pass takes: torch's own operations, or machine code made for it.

The paths are ``"eager"``, :mod:`pinnlib.taylor.eager`; ``"native"``, C++ for a CPU (:mod:`pinnlib.taylor.native`); and
``"triton"``, a kernel for each layer's activation on a GPU (:mod:`pinnlib.taylor.fused`).
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch

from . import eager, fused, native, toolchain
from .activations import Activation

__all__ = ["Pass", "available", "make", "supports"]

Pass = eager.Pass | native.Pass


def available(device: torch.device) -> bool:
    """Whether machine code can be made: by a C++ compiler on a CPU, by Triton on a GPU."""
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    return toolchain.compiler() is not None


def supports(path: str, activation: Activation, dtype: torch.dtype) -> bool:
    """Whether that path has formulas for an activation in this precision."""
    made_by = {"native": native, "triton": fused}.get(path)
    return made_by is None or made_by.supports(activation, dtype)


def make(path: str, *arguments: Any, shared: eager.Shared | None = None, lead: int = 0) -> Pass:
    """The pass of that path; arguments as those of :class:`pinnlib.taylor.eager.Pass`."""
    if path == "native":
        return native.Pass(*arguments, lead=lead)
    return eager.Pass(*arguments, lead=lead, shared=shared, compiled=path == "triton")
