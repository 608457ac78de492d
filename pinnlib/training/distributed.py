"""One run on several devices or machines, started by ``torchrun``.

Each process has a share of the batches, and so of the points.  What a step needs of the others is exchanged:
all residuals, since attention looks at the largest one, and the mean of the gradients.  A probe also exchanges
the batches' gradients.  Everything else, state and history, is the same in every process; the first one writes.

.. code-block:: text

   torchrun --nproc-per-node 4 -m pinnlib train allencahn --batches 100 --points 25600 --out run.npz
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed
from torch import Tensor

from ..problems.base import Problem
from ..problems.conditions import Condition
from ..problems.terms import DataTerm, ResidualTerm

__all__ = ["ShardedData", "ShardedResidual", "World", "start"]


@dataclass
class World:
    """The processes of a run.

    Attributes:
        rank: number of this process.
        size: how many there are.
        asked: whether this process was asked to stop.
        agreed: whether any was, as far as all know; the same in all of them after the same step.
        device: of what they exchange.
    """

    rank: int = 0
    size: int = 1
    asked: bool = False
    agreed: bool = False
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def average(self, tensor: Tensor) -> Tensor:
        """Mean over the processes, in place; carries the question whether to stop."""
        whole = torch.cat([tensor.flatten(), tensor.new_tensor([float(self.asked)])])
        torch.distributed.all_reduce(whole)
        self.agreed = bool(whole[-1] > 0)
        return tensor.copy_(whole[:-1].div_(self.size).view_as(tensor))

    def any(self, here: bool) -> bool:
        """Whether it is so in any of the processes."""
        if self.size == 1:
            return here
        found = torch.tensor([float(here)], device=self.device)
        torch.distributed.all_reduce(found)
        return bool(found > 0)

    def check_same(self, step: int, *tensors: Tensor) -> None:
        """Stop, all of them, unless all processes stand at the same step with the same bits.

        Raises:
            ValueError: they do not.
        """
        if self.size == 1:
            return
        digest = hashlib.sha256(b"".join(t.detach().cpu().numpy().tobytes() for t in tensors)).digest()
        here = torch.tensor([step, int.from_bytes(digest[:7], "big")], dtype=torch.int64, device=self.device)
        there = self.gather(here).view(self.size, 2)
        if bool((there != here).any()):
            raise ValueError(
                f"the processes do not start from the same state (at steps {there[:, 0].tolist()}): "
                "give all of them the same options, and the same file to resume from"
            )

    def gather(self, tensor: Tensor) -> Tensor:
        """The processes' parts, one after the other along the first axis."""
        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        torch.distributed.all_gather(parts, tensor.contiguous())
        return torch.cat(parts)

    def share(self, tensor: Tensor) -> Tensor:
        """This process' equal part of the first axis."""
        return tensor.tensor_split(self.size)[self.rank]


def start(device: torch.device, *, alone: bool = True, whole: bool = True) -> World:
    """The processes that ``torchrun`` started; one process where it did not.

    Args:
        device: of this process.
        alone: whether one run is trained, and not several seeds at once.
        whole: whether a step takes all points.

    Raises:
        ValueError: there are several processes, and the training cannot be shared.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    if not alone:
        raise ValueError("torchrun shares one run among its processes: for several seeds use a sweep, or one process")
    if not whole:
        raise ValueError("torchrun shares whole batches among its processes: give minibatch = 0")
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(torch.distributed.get_rank(), size, device=device)


class ShardedResidual:
    """:class:`pinnlib.problems.terms.ResidualTerm` with its batches shared among the processes; same arguments, same results.

    Raises:
        ValueError: batches that the processes cannot share equally.
    """

    def __init__(self, world: World, problem: Problem, points: Tensor, *, batches: int, **settings: Any) -> None:
        if batches % world.size:
            raise ValueError(f"{batches} batches do not divide over {world.size} processes: choose a multiple of {world.size}")
        self.world = world
        self.own = ResidualTerm(problem, world.share(points), batches=batches // world.size, **settings)
        self.chunks = self.own.chunks

    def __call__(
        self,
        weights: Sequence[Tensor],
        biases: Sequence[Tensor],
        factor: Callable[[Tensor], Tensor] | None = None,
        *,
        unknowns: Tensor | None = None,
        apart: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """As :meth:`pinnlib.problems.terms.ResidualTerm.__call__`, for all points."""
        world = self.world
        everywhere: Tensor | None = None

        def share_of_factor(residual: Tensor) -> Tensor:
            nonlocal everywhere
            assert factor is not None  # else nobody asks
            everywhere = self._gather(residual)
            return world.share(factor(everywhere).movedim(-1, 0)).movedim(0, -1)

        shared = None if factor is None else share_of_factor
        residual, total, own = self.own(weights, biases, shared, unknowns=unknowns, apart=apart)
        if everywhere is None:
            everywhere = self._gather(residual)
        return everywhere, world.average(total), None if own is None else world.gather(own)

    def _gather(self, residual: Tensor) -> Tensor:
        """The residuals of all points, along the last axis."""
        return self.world.gather(residual.movedim(-1, 0)).movedim(0, -1)


class ShardedData:
    """:class:`pinnlib.problems.terms.DataTerm`, which every process has whole; averaged, so that no rounding sets them apart."""

    def __init__(
        self,
        world: World,
        problem: Problem,
        conditions: Sequence[Condition],
        data: Sequence[tuple[Tensor, Tensor]],
        **settings: Any,
    ) -> None:
        self.world, self.own = world, DataTerm(problem, conditions, data, **settings)

    def __call__(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor], *, scale: float = 1.0, unknowns: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """As :meth:`pinnlib.problems.terms.DataTerm.__call__`."""
        losses, grads = self.own(weights, biases, scale=scale, unknowns=unknowns)
        return self.world.average(losses), [self.world.average(grad) for grad in grads]
