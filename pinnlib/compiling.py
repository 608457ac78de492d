"""When torch's compiler is there, and when a run is long enough to pay for it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings

import torch

from .config import Config

__all__ = ["available", "pays", "wanted"]

#: Numbers that pass an activation in a run (steps x points x streams x units) from which compiling pays: it costs
#: about 20 s, and saves about half a nanosecond a number on two CPU cores.
PAYS_FROM = 5e10


def available(device: torch.device) -> bool:
    """Whether ``torch.compile`` has what it needs: a C++ compiler on a CPU, Triton on a GPU."""
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    return any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++")))


def pays(config: Config, n_streams: int) -> bool:
    """Whether the run is long enough to win back the time of compiling."""
    return config.steps * config.points * n_streams * config.width * config.depth >= PAYS_FROM


def wanted(config: Config, n_streams: int, device: torch.device) -> bool:
    """Whether to compile; says so where ``compile=True`` cannot be had."""
    if config.compile == "auto":
        return pays(config, n_streams) and available(device)
    if config.compile and not available(device):
        needs = "Triton" if device.type == "cuda" else "a C++ compiler such as g++"
        warnings.warn(f"compile=True needs {needs} and there is none: training goes on without, more slowly", stacklevel=4)
        return False
    return config.compile
