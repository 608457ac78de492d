"""The activation of a layer on all its streams as one GPU kernel, made for the plan by Triton.

A layer's streams are read once and written once, where torch's operations go over memory a dozen times.  The formulas
are those of :mod:`pinnlib.taylor.formulas`; the matrix products around them stay torch's.
"""

from __future__ import annotations

import hashlib
import importlib.util
from contextlib import nullcontext
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from . import formulas, toolchain
from .activations import Activation
from .native import P, Q
from .partials import Plan

__all__ = ["backward", "forward", "supports"]

#: Numbers of one stream that a program of the kernel takes.
BLOCK = 1024

VALUES = {
    # the quotient that native.py has; a number that is not one stays so
    "tanh": f"""    x = tl.where(z > 9.02, 9.02, tl.where(z < -9.02, -9.02, z))
    y = x * x
    t = x * ({" + y * (".join(map(repr, P))}{")" * len(P)} / ({" + y * (".join(map(repr, Q))}{")" * len(Q)}
    return tl.where(t > 1.0, 1.0, tl.where(t < -1.0, -1.0, t))""",
    "sine": "    return tl.sin(z)",
    "softplus": "    return tl.where(z > 0.0, z, 0.0) + tl.log(1.0 + tl.exp(-tl.abs(z)))",
}


def supports(activation: Activation, dtype: torch.dtype) -> bool:
    """Whether there are kernels for it: in float32, whose tanh is a quotient of polynomials."""
    return activation.name in VALUES and dtype is torch.float32


def forward(z: Tensor, out: Tensor, activation: Activation, plan: Plan) -> None:
    """All streams of f(z) into ``out``; both ``(*batch, n_streams, n_points, width)``, contiguous."""
    _launch(_kernels(activation.name, plan).rise, plan.n_streams, z, out)


def backward(g: Tensor, z: Tensor, h: Tensor, out: Tensor, activation: Activation, plan: Plan) -> None:
    """The gradients of ``z`` into ``out``, from those of ``h = f(z)``; shapes as there."""
    _launch(_kernels(activation.name, plan).fall, plan.n_streams, g, z, h, out)


def _launch(kernel: Any, n_streams: int, *tensors: Tensor) -> None:
    like = tensors[0]
    if not all(tensor.is_contiguous() and tensor.shape == like.shape for tensor in tensors):
        raise ValueError(f"streams of shapes {[tuple(t.shape) for t in tensors]}: a kernel needs equal, contiguous ones")
    inner = like.shape[-2] * like.shape[-1]
    batch = like.numel() // (inner * n_streams)
    with torch.cuda.device(like.device) if like.is_cuda else nullcontext():  # Triton launches on the current one
        kernel[(-(-inner // BLOCK), batch)](*tensors, inner, BLOCK=BLOCK)


@cache
def _kernels(activation: str, plan: Plan) -> ModuleType:
    """The module of the two kernels; Triton reads them from a file."""
    source = text(activation, plan)
    name = f"pinnlib_kernels_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    path = toolchain.own_folder() / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # as for any file that ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text(activation: str, plan: Plan) -> str:
    """The kernels' module; each program takes ``BLOCK`` numbers of every stream of one batch."""
    n = range(plan.n_streams)
    keeps = activation in formulas.KEEPS_VALUE

    def kernel(name: str, tensors: str, loads: list[str], lines: list[formulas.Formula], result: str) -> str:
        body = [
            "at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)",
            "inside = at < inner",
            f"at += tl.program_id(1).to(tl.int64) * {plan.n_streams} * inner",
            *loads,
            *(f"{name} = {formula}" for name, formula in lines),
            *(f"tl.store(out + at + {k} * inner, {result}{k}, inside)" for k in n),
        ]
        return f"@triton.jit\ndef {name}({tensors}, out, inner, BLOCK: tl.constexpr):\n    " + "\n    ".join(body)

    def load(name: str, tensor: str, k: int) -> str:
        return f"{name} = tl.load({tensor} + at + {k} * inner, inside, other=0.0)"

    streams = [load(f"s{k}", "streams", k) for k in n if k]
    value = [load("z", "streams", 0), "f0 = value(z)"]
    gradients = [load(f"g{k}", "gradients", k) for k in n]
    back = [*gradients, *streams, *([load("f0", "behind", 0)] if keeps else value)]
    return "\n\n\n".join(
        [
            "import triton\nimport triton.language as tl",
            f"@triton.jit\ndef value(z):\n{VALUES[activation]}",
            "@triton.jit\ndef cosine(z):\n    return tl.cos(z)",
            "@triton.jit\ndef logistic(z):\n    return 1.0 / (1.0 + tl.exp(-z))",
            kernel("rise", "streams", [*streams, *value], formulas.forward(activation, plan), "h"),
            kernel("fall", "gradients, streams, behind", back, formulas.backward(activation, plan), "d"),
            "",
        ]
    )
