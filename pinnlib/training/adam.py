"""How a step moves the network's parameters and the points' weights; on a GPU as one recorded launch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from . import cuda_graph
from .objective import LossAndGradients
from .state import State

__all__ = ["Adam"]


class Adam:
    """Torch's Adam, with the settings of the paper.

    Args:
        state: whose parameters it moves.
        recorded: record the whole step as a CUDA graph, if the device is a GPU.

    Attributes:
        optimizer: torch's own.
        graph: replays recorded steps; None where they are made kernel by kernel.
    """

    def __init__(self, state: State, *, recorded: bool = True) -> None:
        on_gpu = state.device.type == "cuda"
        lr = state.config.lr
        rate = torch.tensor(lr, device=state.device) if on_gpu else lr  # a recorded step reads it anew
        self.optimizer = torch.optim.Adam([state.theta], lr=rate, betas=(0.9, 0.999), eps=1e-8, fused=True, capturable=on_gpu)
        self.graph = cuda_graph.Captured(state.device) if on_gpu and recorded else None

    def set_rate(self, rate: float) -> None:
        """The learning rate of the coming steps."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def step(self, state: State, here: LossAndGradients) -> None:
        """One step along these gradients, with these points' weights."""
        torch.add(here.grads, here.data_grads, out=state.theta.grad)
        self.optimizer.step()
        if here.chosen is None:
            state.attention.copy_(here.attention)
        else:
            state.attention.scatter_(-1, here.chosen, here.attention)

    def unseen_step(self, state: State, objective: Callable[[State], LossAndGradients]) -> None:
        """The same, from the loss on, without a look at the loss."""
        self.step(state, objective(state))

    def recorded_step(self, state: State, objective: Callable[[State], LossAndGradients]) -> None:
        """The same, recorded once and then replayed."""

        def moving() -> list[Tensor]:
            return [state.theta.detach(), state.attention, *self.optimizer.state[state.theta].values()]

        assert self.graph is not None
        self.graph(lambda: self.unseen_step(state, objective), moving)

    def moments(self, state: State) -> dict[str, Tensor]:
        """Means of the gradient and of its square, ``(*lead, n_params)`` each; zeros before the first step."""
        own = self.optimizer.state.get(state.theta, {})
        return {name: own.get(name, torch.zeros_like(state.theta)) for name in ("exp_avg", "exp_avg_sq")}

    def load(self, state: State, moments: Mapping[str, Tensor]) -> None:
        """Take over the moments of a training that has made ``state.step`` steps."""
        done = torch.tensor(float(state.step), device=state.device)
        self.optimizer.state[state.theta] = {"step": done, **{name: part.clone() for name, part in moments.items()}}
