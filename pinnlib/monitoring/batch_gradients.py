"""Gradients of the batches of any loss, by torch's autograd alone, and without a trace in the training that is watched.

One graph is made of the residual at all points; the gradients of the B means of its batches come out of it in one of three ways.

"rows": from one backward pass.  Where weights meet the points in products of matrices with one row a point, as in a
multilayer perceptron and all its derivatives, the gradient of such a product is a sum over rows, and summed batch by batch it
holds the batches' gradients side by side (as in :func:`pinnlib.snr.batch_gradients`, which makes the graph itself).  That holds
only where no point's residual depends on another point, so it is checked: at the first probe against one of the other ways, and
at each later one for one batch, another each time.  Else from B passes, which need no such thing: "vmap", over the cotangents,
or "loop", one after the other.
"""

from __future__ import annotations

import warnings
from collections.abc import Container, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["BatchGradients"]

#: Points times copies that vmap may hold at a time.  On a CPU more would leave its cache, and then the loop is faster (nested
#: autograd of a 64 x 4 network, one thread: from 2,048 points on); on a GPU it is memory, at width 128 half a GiB a tensor.
POINTS = {"cpu": 2**11, "cuda": 2**20}
FEWEST = 3  # copies that make vmap worth while


class BatchGradients:
    """Gradients by some parameters, of which those that a loss does not use have zeros.

    Args:
        parameters: by which.

    Attributes:
        how: ``"rows"``, ``"vmap"`` or ``"loop"``; None before the first call of :meth:`of_batches`, which chooses.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = list(parameters)
        self.how: str | None = None
        self._checks = 0

    def of(self, loss: Tensor) -> list[Tensor]:
        """Of one loss ``()``: ``(size,)`` a parameter."""
        found = self._grads(loss, None)
        return [p.new_zeros(p.numel()) for p in self.parameters] if found is None else [g[0] for g in found]

    def of_batches(self, losses: Tensor, n_rows: int, order: Tensor | None = None) -> list[Tensor] | None:
        """Of each loss: ``(batches, size)`` a parameter; None where no parameter is in them.

        Args:
            losses: ``(batches,)``, of one graph.
            n_rows: at how many points the network was evaluated for them.
            order: which of these are the points of the losses, ``(n_points,)``, and batch b has the b-th of equal slices; None:
                all, as they come.
        """
        finite = bool(torch.isfinite(losses).all())
        quick = self._by_rows(losses, n_rows, order) if finite and self.how in (None, "rows") else None
        if quick is not None and self.how == "rows":
            b = self._checks = (self._checks + 1) % len(losses)
            one = self._grads(losses, torch.eye(len(losses), dtype=losses.dtype, device=losses.device)[b])
            if one is not None and _agree([g[b : b + 1] for g in quick], one, quick):
                return quick
        slow, how = self._one_by_one(losses, n_rows)
        if finite:
            right = self.how is None and quick is not None and slow is not None and _agree(quick, slow, slow)
            self.how = "rows" if right else how
        return slow

    def _by_rows(self, losses: Tensor, n_rows: int, order: Tensor | None) -> list[Tensor] | None:
        """By products with one row a point, from one backward pass; None where parameters meet the points in other ways."""
        found = {id(p): p.new_zeros(len(losses), *p.shape) for p in self.parameters}
        hooks = []

        def cut(x: Tensor) -> Tensor:
            return (x if order is None else x[order]).unflatten(0, (len(losses), -1))

        def weigh(node: Any, which: int, p: Tensor, turned: bool) -> None:
            rows = None if which == 0 else node._saved_mat1 if node.name() == "AddmmBackward0" else node._saved_self

            def add(given: tuple[Tensor | None, ...]) -> None:
                if given[0] is None:
                    return
                g = cut(given[0])
                if rows is None:
                    found[id(p)] += g.sum(1)
                else:
                    left, right = (g, cut(rows.detach())) if turned else (cut(rows.detach()), g)
                    found[id(p)].baddbmm_(left.transpose(1, 2), right)

            hooks.append(node.register_prehook(add))

        moving = [p for p in self.parameters if p.requires_grad]
        try:
            for use in _uses(losses, found, n_rows):
                weigh(*use)
            if hooks:
                torch.autograd.grad(losses.sum(), moving, retain_graph=True, allow_unused=True)
        except Exception:  # this way is short, and what is wrong with the graph is said on the long one
            return None
        finally:
            for hook in hooks:
                hook.remove()
        return [one.flatten(1) for one in found.values()]

    def _one_by_one(self, losses: Tensor, n_rows: int) -> tuple[list[Tensor] | None, str]:
        """By one backward pass a batch, and how.

        vmap holds a copy of the pass for each loss, so it takes as many at a time as ``n_rows`` let it.  Where these are too
        few, it does not know an operation, or there is not memory enough, the loop is taken from then on.
        """
        rows = torch.eye(len(losses), dtype=losses.dtype, device=losses.device)
        copies = min(POINTS.get(losses.device.type, POINTS["cpu"]) // n_rows, len(losses))
        parts = self._at_once(losses, rows, copies) if self.how != "loop" and copies >= FEWEST else None
        how = "loop" if parts is None else "vmap"
        if parts is None:
            parts = [self._grads(losses, row) for row in rows]
        there = [part for part in parts if part is not None]
        return [torch.cat(one) for one in zip(*there, strict=True)] if len(there) == len(parts) else None, how

    def _at_once(self, losses: Tensor, rows: Tensor, copies: int) -> list[list[Tensor] | None] | None:
        """By vmap, ``copies`` losses at a time; None where that does not go."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of operations that vmap itself does in a loop
                return [self._grads(losses, part) for part in rows.split(copies)]
        except (RuntimeError, NotImplementedError):  # also torch.OutOfMemoryError
            return None

    def _grads(self, loss: Tensor, cotangents: Tensor | None) -> list[Tensor] | None:
        """``(k, size)`` a parameter, for cotangents ``(k, batches)``, or k = 1 without this axis; None where there are none.

        The graph stays, since the caller may need it himself.
        """
        moving = [p for p in self.parameters if p.requires_grad]  # others are frozen by now
        many = cotangents is not None and cotangents.ndim == 2
        settings = {"retain_graph": True, "allow_unused": True, "is_grads_batched": many}
        given = iter(_backward(loss, moving, cotangents, **settings) if moving else ())
        own = [next(given) if p.requires_grad else None for p in self.parameters]
        if all(g is None for g in own):
            return None
        k = len(cotangents) if cotangents is not None and many else 1
        return [
            p.new_zeros(k, p.numel()) if g is None else g.detach().reshape(k, -1)
            for p, g in zip(self.parameters, own, strict=True)
        ]


def _backward(loss: Tensor, moving: Sequence[Tensor], cotangents: Tensor | None, **settings: bool) -> Sequence[Tensor | None]:
    """What ``torch.autograd.grad`` gives.

    Raises:
        ValueError: the graph is a compiled one that can be gone through only once.
        RuntimeError: as torch's.
    """
    try:
        return torch.autograd.grad(loss, moving, cotangents, **settings)
    except RuntimeError as error:
        if "donated buffer" not in str(error):
            raise
        raise ValueError(
            "a graph made by torch.compile can be gone through only once, and each batch needs a pass: set "
            "torch._functorch.config.donated_buffer = False before compiling, or give the monitor functions that call the module "
            "as it was before"
        ) from error


class _Elsewhere(Exception):
    """A parameter is used in a way that is not by rows."""


def _uses(losses: Tensor, counted: Container[int], n_rows: int) -> Iterator[tuple[Any, int, Tensor, bool]]:
    """Where a graph uses parameters: the node, its input, the parameter, and whether it was transposed before."""
    waiting: list[Any] = [losses.grad_fn]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        for which, (inner, _) in enumerate(node.next_functions):
            p, turned = _parameter(inner)
            if p is None or id(p) not in counted:
                waiting.append(inner)
            elif not _is_by_rows(node, which, p, n_rows):
                raise _Elsewhere
            else:
                yield node, which, p, turned


def _parameter(node: Any) -> tuple[Tensor | None, bool]:
    """The parameter that a node stands for, and whether it was transposed; None for other nodes."""
    turned = False
    while node is not None and node.name() == "TBackward0":
        node, turned = node.next_functions[0][0], not turned
    return getattr(node, "variable", None), turned


def _is_by_rows(node: Any, which: int, p: Tensor, n_rows: int) -> bool:
    """Whether this is ``rows @ p``, or ``p + rows @ w``, with one row a point."""
    if node.name() == "AddmmBackward0":
        rows, plain = node._saved_mat1, node._saved_alpha == node._saved_beta == 1
        return plain and (p.ndim == 1 if which == 0 else which == 2) and (rows is None or len(rows) == n_rows)
    return node.name() == "MmBackward0" and which == 1 and len(node._saved_self) == n_rows


def _agree(found: Sequence[Tensor], true: Sequence[Tensor], whole: Sequence[Tensor]) -> bool:
    """Whether gradients are the same but for rounding, by the size of the largest in ``whole``."""
    apart = torch.stack([(a - b).double().square().sum(1) for a, b in zip(found, true, strict=True)]).sum(0).sqrt()
    size = torch.stack([g.double().square().sum(1) for g in whole]).sum(0).sqrt().max()
    return bool((apart <= torch.finfo(true[0].dtype).eps ** 0.6 * size).all())
