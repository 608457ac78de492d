"""The largest eigenvalue of the Hessian of any loss, by products with vectors; the mathematics is in :mod:`pinnlib.curvature`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .. import snr
from ..training.hessian import largest_eigenvalue

__all__ = ["largest"]


def largest(
    loss: Tensor, parameters: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer | None = None, tolerance: float = 1e-2
) -> float:
    """Of the Hessian, or as Adam feels it.

    Args:
        loss: ``()``, with a graph that can be differentiated twice.
        parameters: by which.
        optimizer: Adam, as :func:`pinnlib.snr.is_adam` has it, after a step; none for the Hessian itself.
        tolerance: as in :func:`pinnlib.curvature.largest_eigenvalue`.

    Raises:
        ValueError: another optimizer than Adam, or a parameter without moments.
        ArithmeticError: the tolerance was not met.
    """
    root = None if optimizer is None else _preconditioner(optimizer, parameters).rsqrt()
    grads = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
    gradient = torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(parameters, grads, strict=True)])

    def product(v: Tensor) -> Tensor:
        v = v if root is None else root * v
        if not gradient.requires_grad:  # of a loss that is linear in all of them
            return torch.zeros_like(v)
        found = torch.autograd.grad(gradient, parameters, v.to(gradient), retain_graph=True, allow_unused=True)
        hv = torch.cat(
            [(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(parameters, found, strict=True)]
        ).double()
        return hv if root is None else root * hv

    generator = torch.Generator().manual_seed(0)
    start = torch.randn(len(gradient), generator=generator, dtype=torch.float64, device="cpu").to(gradient.device)
    return largest_eigenvalue(product, start, tolerance=tolerance).value


def _preconditioner(optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter]) -> Tensor:
    """The diagonal of P, ``(n_params,)``, float64."""
    if not snr.is_adam(optimizer):
        raise ValueError(
            f"the optimizer is {type(optimizer).__name__}, whose step is not Adam's: train with torch.optim.Adam or AdamW, or "
            "leave adam=True out"
        )
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    parts = []
    for p in parameters:
        state, group = optimizer.state.get(p, {}), groups.get(id(p), {})
        if not {"exp_avg_sq", "step"} <= state.keys():
            raise ValueError(
                "the optimizer has no Adam moments of all parameters: make a step with torch.optim.Adam, or leave adam=True out"
            )
        (beta1, beta2), done = group["betas"], float(state["step"])
        second = snr.second_moment(state, group).double().flatten()
        parts.append((1.0 - beta1**done) * ((second / (1.0 - beta2**done)).sqrt() + group["eps"]))
    return torch.cat(parts)
