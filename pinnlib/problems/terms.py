r"""The residual term of the loss and its gradient: one pass forward, one backward, chunk by chunk.

The points are cut into chunks whose streams stay in the processor's cache, and each chunk is done
forward and backward before the next begins.  So memory depends on the chunk, not on the number of points.

A chunk is a whole number of batches, or a part of one.  A layer's weight gradient over the chunk is a
product of two matrices that sums over points; summed batch by batch instead, the same product gives the
gradient of every batch, and their mean is the gradient of the step.  This is why the signal-to-noise
ratio of :mod:`pinnlib.snr` costs hardly more than the step itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..taylor import backends, eager, parameters
from ..taylor.activations import Activation
from .base import Problem
from .conditions import Condition

__all__ = ["DataTerm", "ResidualTerm"]

CHUNK_BYTES = {"cpu": 2**22, "native": 2**24}  # of one layer's streams; the native path has tiles in its chunks
KEEP_BYTES = 5 * 2**26  # of the layers of all chunks that wait for their backward pass
GPU_SHARE = 4  # a GPU has no such cache: there a chunk's layers, and those that wait, have a quarter of its memory each


@dataclass(frozen=True)
class Chunk:
    """Points ``start`` to ``stop``: ``batches`` whole batches from ``first`` on, or a part of that one."""

    start: int
    stop: int
    first: int
    batches: int


def chunks(n_points: int, batches: int, most: int) -> list[Chunk]:
    """Cut ``n_points`` in ``batches`` equal parts into chunks of about ``most`` points, as equal as can be."""
    size = n_points // batches
    if size <= most:
        many = _share(batches, most // size)
        firsts = range(0, batches, many)
        return [Chunk(b * size, min(b + many, batches) * size, b, min(many, batches - b)) for b in firsts]
    part = _share(size, most)
    return [Chunk(b * size + at, b * size + min(at + part, size), b, 1) for b in range(batches) for at in range(0, size, part)]


def _share(total: int, most: int) -> int:
    """The largest divisor of ``total`` up to ``most``, unless it is much smaller than an uneven share."""
    divisor = next(k for k in range(min(most, total), 0, -1) if total % k == 0)
    return divisor if 2 * divisor > most else -(-total // -(-total // most))


class ResidualTerm:
    """The residual at fixed points, and gradients of its weighted mean square.

    Everything may carry leading axes, one for each network of an ensemble.

    Of a system, each equation has residuals and factors of its own, along one more axis in front of the points.

    Args:
        problem: whose residual; it must look at one point at a time.
        points: ``(*lead, n_points, n_coordinates)``; batch b is the b-th of ``batches`` equal slices.
        batches: equal parts of the points.
        sizes: of the network: coordinates, widths of the hidden layers, fields.
        activation: of its hidden layers.
        path: torch's operations or machine code; see :mod:`pinnlib.taylor.backends`.

    Raises:
        ValueError: batches that do not divide the points.
    """

    def __init__(
        self,
        problem: Problem,
        points: Tensor,
        *,
        batches: int,
        sizes: Sequence[int],
        activation: Activation,
        path: str = "eager",
    ) -> None:
        *lead, n, _ = points.shape
        if batches < 1 or n % batches:
            raise ValueError(
                f"{batches} batches do not cut {n} points into equal parts: choose a divisor of {n} that is at least 2"
            )
        self.problem, self.points, self.batches, self.path = problem, points, batches, path
        self.lead, self.activation, self.sizes = tuple(lead), activation, list(sizes)
        row = points[..., 0, 0].numel() * problem.plan.n_streams * points.element_size()
        each = 1 if path == "native" else 2  # streams before each activation, and in torch's operations behind it
        layers = row * each * sum(sizes)  # bytes of all of them, a point
        if points.is_cuda:
            most = keep = torch.cuda.get_device_properties(points.device).total_memory // GPU_SHARE
            most //= layers
        else:
            most, keep = CHUNK_BYTES["native" if path == "native" else "cpu"] // (row * max(sizes)), KEEP_BYTES
        self.chunks = chunks(n, batches, max(most, 1))
        largest = max(c.stop - c.start for c in self.chunks)
        self.kept = 1 if len(self.chunks) == 1 else keep // (largest * layers)  # a chunk that is alone has its memory anyway
        self._shared = eager.Shared()
        self._passes: dict[tuple[int, tuple[int, ...]], backends.Pass] = {}
        self._shape = (*lead, len(problem.equations), n) if problem.equations else (*lead, n)
        self._total = points.new_empty(*lead, parameters.count(sizes))
        self._apart: Tensor | None = None

    def __call__(
        self,
        weights: Sequence[Tensor],
        biases: Sequence[Tensor],
        factor: Callable[[Tensor], Tensor] | None = None,
        *,
        unknowns: Tensor | None = None,
        apart: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Residuals, and the gradient of their (weighted) mean square; of a system, of the sum of these.

        Args:
            weights: one ``(*lead, n_out, n_in)`` a layer.
            biases: one ``(*lead, n_out)`` a layer.
            factor: from all residuals ``(*lead, n_points)``, or ``(*lead, n_equations, n_points)``, to what each square is
                multiplied by, of the same shape; a constant to the gradient.  None: one.
            unknowns: thetas of the unknown coefficients ``(*lead, n_unknowns)``, if the problem has any.
            apart: give the batches' own gradients too.

        Returns:
            Residuals, of the shape that ``factor`` takes; the gradient ``(*lead, n_params)``, which
            :func:`pinnlib.taylor.parameters.split` cuts into weights and biases, and behind them that of the unknowns; and, if
            ``apart``, the same for the mean square of each batch, ``(*lead, batches, n_params)``.  Gradients are valid until
            the next call.
        """
        weights, biases = [w.detach() for w in weights], [b.detach() for b in biases]
        n, axis = self.points.shape[-2], len(self.lead)
        residual = self.points.new_empty(self._shape)
        total, own = self._total.zero_(), None
        thetas = None if unknowns is None else unknowns.detach().unsqueeze(-2)
        theta_grads = None if thetas is None else thetas.new_zeros(*self.lead, self.batches, thetas.shape[-1])
        if apart:
            if self._apart is None:
                self._apart = total.new_empty(*self.lead, self.batches, total.shape[-1])
            own = self._apart.zero_()

        def forward(c: Chunk, slot: int) -> tuple[backends.Pass, list[Tensor], Tensor]:
            one, part = self._pass(c, slot)
            given = [one.forward(part, weights, biases).detach().requires_grad_()]
            if thetas is not None:
                given.append(thetas.repeat(*[1] * axis, c.batches, 1).requires_grad_())
            with torch.enable_grad():
                fields = self.problem.residual_outputs(given[0], part, *given[1:])
                r = self.problem.residuals(part, fields, axis)
            residual[..., c.start : c.stop] = r.detach().flatten(-2)
            return one, given, r

        def backward(c: Chunk, one: backends.Pass, given: list[Tensor], r: Tensor) -> None:
            upstream = r.detach() * (2.0 / n)
            if factor is not None:
                upstream *= factors[..., c.start : c.stop].unflatten(-1, (c.batches, -1))
            g, *of_thetas = gradients(r, given, upstream)
            one.backward(g, weights, total, None if own is None else own.narrow(axis, c.first, c.batches))
            if theta_grads is not None:
                theta_grads.narrow(axis, c.first, c.batches).add_(of_thetas[0])

        with torch.no_grad():
            if factor is None:
                for c in self.chunks:
                    backward(c, *forward(c, 0))
            else:  # the factors follow from all residuals: the last chunks wait for them, the others are done twice
                twice = max(len(self.chunks) - self.kept, 0)
                waiting = []
                for i, c in enumerate(self.chunks):
                    done = forward(c, max(i - twice + 1, 0))
                    if i >= twice:
                        waiting.append((c, *done))
                factors = factor(residual)
                while waiting:
                    backward(*waiting.pop())
                for c in self.chunks[:twice]:
                    backward(c, *forward(c, 0))
            if theta_grads is not None:
                total = torch.cat([total, theta_grads.sum(-2)], dim=-1)
                own = None if own is None else torch.cat([own, theta_grads], dim=-1)
            # so far each batch has its part of the whole mean
            return residual, total, None if own is None else own.mul_(self.batches)

    def _pass(self, c: Chunk, slot: int) -> tuple[backends.Pass, Tensor]:
        """Memory for a chunk, the ``slot``-th of its shape, and its points."""
        part = self.points[..., c.start : c.stop, :].unflatten(-2, (c.batches, -1))
        key = slot, tuple(part.shape)
        if key not in self._passes:
            *batch, n_points, _ = part.shape
            arguments = batch, n_points, self.sizes, self.activation, self.problem.plan, part
            self._passes[key] = backends.make(self.path, *arguments, lead=len(self.lead), shared=self._shared)
        return self._passes[key], part


class DataTerm:
    """The mean squared misfits of all conditions, and the gradient of their sum.

    Args:
        problem: whose conditions.
        conditions: their formulas and weights.
        data: of each, its places ``(*lead, m, n_coordinates)`` and its values ``(*lead, m, k)``.
        sizes: of the network: coordinates, widths of the hidden layers, fields.
        activation: of its hidden layers.
        path: torch's operations or machine code; see :mod:`pinnlib.taylor.backends`.
    """

    def __init__(
        self,
        problem: Problem,
        conditions: Sequence[Condition],
        data: Sequence[tuple[Tensor, Tensor]],
        *,
        sizes: Sequence[int],
        activation: Activation,
        path: str = "eager",
    ) -> None:
        self.problem, self.conditions, self.data = problem, conditions, data
        self._outputs = [one.outputs(problem, places) for one, (places, _) in zip(conditions, data, strict=True)]
        self._passes = [
            backends.make(
                path, list(places.shape[:-2]), places.shape[-2], sizes, activation, outputs.plan, places, lead=places.ndim - 2
            )
            for outputs, (places, _) in zip(self._outputs, data, strict=True)
        ]
        self._totals = [places.new_empty(*places.shape[:-2], parameters.count(sizes)) for places, _ in data]

    def __call__(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor], *, scale: float = 1.0, unknowns: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Losses and gradients of the conditions.

        Args:
            weights: one ``(*lead, n_out, n_in)`` a layer.
            biases: one ``(*lead, n_out)`` a layer.
            scale: of all gradients, besides the conditions' own weights.
            unknowns: thetas of the unknown coefficients ``(*lead, n_unknowns)``, if the problem has any.

        Returns:
            Mean squared misfits without weights ``(*lead, n_conditions)``; and for each condition the gradient with its
            weight ``(*lead, n_params)``, as those of :class:`ResidualTerm` and valid until the next call.
        """
        weights, biases = [w.detach() for w in weights], [b.detach() for b in biases]
        losses, grads = [], []
        with torch.no_grad():
            for k, (one, outputs, (places, values)) in enumerate(zip(self.conditions, self._outputs, self.data, strict=True)):
                given = [self._passes[k].forward(places, weights, biases).detach().requires_grad_()]
                if unknowns is not None:
                    given.append(unknowns.detach().clone().requires_grad_())
                with torch.enable_grad():
                    found = one.found(self.problem, outputs, given[0], places, given[1] if len(given) > 1 else None)
                    misfit = one.misfit(self.problem, found, values, outputs.scale if self.problem.normalize else 1.0)
                upstream = misfit.detach() * (2.0 * scale * one.weight / misfit.shape[-2])
                g, *of_thetas = gradients(misfit, given, upstream)
                total = self._totals[k].zero_()
                self._passes[k].backward(g, weights, total)
                grads.append(torch.cat([total, *of_thetas], dim=-1) if of_thetas else total)
                losses.append(misfit.detach().square().sum(-1).mean(-1))
        lead = weights[0].shape[:-2]
        if len(losses) == 1:
            return losses[0].unsqueeze(-1), grads
        return torch.stack(losses, dim=-1) if losses else weights[0].new_zeros(*lead, 0), grads


def gradients(value: Tensor, given: Sequence[Tensor], upstream: Tensor) -> tuple[Tensor, ...]:
    """By the streams, which all values depend on, and by the thetas of unknowns, on which not all do."""
    some = len(given) > 1
    return torch.autograd.grad(value, given, upstream, allow_unused=some, materialize_grads=some)
