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
    same state.  Where recording fails or the two differ, a notice says so and all steps stay plain.  The step is given at
    each call and not kept, so that nothing here holds on to the training that it belongs to.

    Args:
        device: where the step runs, and is recorded.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    @property
    def recorded(self) -> bool:
        """Whether steps are replayed."""
        return self.graph is not None

    def __call__(self, body: Callable[[], None], state: Callable[[], Sequence[Tensor]]) -> None:
        """One step.

        Args:
            body: it changes tensors in place and never waits for the device.
            state: gives all tensors that it changes and reads again.
        """
        if self.calls == WARM_UP:
            self.graph = self._record(body, state())
        self.calls += 1
        if self.graph is None:
            body()
        else:
            self.graph.replay()

    def _record(self, body: Callable[[], None], state: Sequence[Tensor]) -> torch.cuda.CUDAGraph | None:
        before = [part.clone() for part in state]

        def put_back() -> None:
            for part, kept in zip(state, before, strict=True):
                part.copy_(kept)

        try:
            graph = _recording(body, self.device)
            put_back()
            graph.replay()
            replayed = [part.clone() for part in state]
            put_back()
            body()
            gap = max(_gap(a, b) for a, b in zip(replayed, state, strict=True))
            why = "" if gap <= 1.0 else f"a replayed step differs {gap:.0f} times more than rounding does"
        except RuntimeError as error:
            why = (str(error).splitlines() or [type(error).__name__])[0]
        put_back()
        if why:
            warnings.warn(f"the step could not be recorded ({why}): training goes on without, more slowly", stacklevel=6)
            return None
        return graph


def _recording(body: Callable[[], None], device: torch.device) -> torch.cuda.CUDAGraph:
    """A graph of ``body``; whatever happens, the stream that was current before is current after."""
    with torch.cuda.device(device):
        stream = torch.cuda.current_stream()
        try:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=torch.cuda.Stream()):  # torch's own stays on the device that was first
                body()
            return graph
        finally:  # torch leaves its own stream behind where the end of a failed recording fails too
            torch.cuda.set_stream(stream)


def _gap(a: Tensor, b: Tensor) -> float:
    """Largest difference, in units of what rounding may do."""
    size = torch.maximum(a.abs().max(), b.abs().max()).clamp(min=torch.finfo(a.dtype).tiny)
    return float((a - b).abs().max() / size) / TOLERANCE.get(a.dtype, 1e-4)
