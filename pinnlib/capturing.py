"""On a GPU: the whole training step recorded once as a CUDA graph, then replayed as one launch.

A small network's step is hundreds of kernels of microseconds each, and launching them takes longer than running them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["WARM_UP", "Captured"]

#: Steps that are made one kernel at a time before recording, since libraries set themselves up in the first ones.
WARM_UP = 3
#: Largest difference between a replayed step and one made kernel by kernel, relative to the larger of the two.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}


class Captured:
    """A step without arguments or results, whose tensors stay where they are.

    The first three calls run it as it is.  The fourth records it, and compares one replay with one plain step from the
    same state.  Where recording fails or the two differ, a notice says so and all steps stay plain.

    Args:
        body: one step; it changes tensors in place and never waits for the device.
        state: all tensors that it changes and reads again.
    """

    def __init__(self, body: Callable[[], None], state: Callable[[], Sequence[Tensor]]) -> None:
        self.body, self.state = body, state
        self.calls = 0
        self.act = body

    def __call__(self) -> None:
        """One step."""
        if self.calls == WARM_UP:
            self.act = self._recorded() or self.body
        self.calls += 1
        self.act()

    def _recorded(self) -> Callable[[], None] | None:
        before = [part.clone() for part in self.state()]

        def put_back() -> None:
            for part, kept in zip(self.state(), before, strict=True):
                part.copy_(kept)

        try:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.body()
            put_back()
            graph.replay()
            replayed = [part.clone() for part in self.state()]
            put_back()
            self.body()
            gap = max(_gap(a, b) for a, b in zip(replayed, self.state(), strict=True))
            why = "" if gap <= 1.0 else f"a replayed step differs {gap:.0f} times more than rounding does"
        except RuntimeError as error:
            why = (str(error).splitlines() or [type(error).__name__])[0]
        put_back()
        if why:
            warnings.warn(f"the step could not be recorded ({why}): training goes on without, more slowly", stacklevel=6)
            return None
        return graph.replay


def _gap(a: Tensor, b: Tensor) -> float:
    """Largest difference, in units of what rounding may do."""
    size = torch.maximum(a.abs().max(), b.abs().max()).clamp(min=torch.finfo(a.dtype).tiny)
    return float((a - b).abs().max() / size) / TOLERANCE.get(a.dtype, 1e-4)
