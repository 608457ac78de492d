"""How a step moves the network's parameters and the points' weights; on a GPU as one recorded launch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.optim.adam import adam

from . import cuda_graph
from .objective import LossAndGradients
from .state import State

__all__ = ["BETAS", "EPS", "Adam"]

BETAS, EPS = (0.9, 0.999), 1e-8


class Adam:
    """Torch's Adam, with the settings of the paper.

    It is torch's function and not its class, which imports a compiler of a second that nothing here needs.

    Args:
        state: whose parameters it moves.
        recorded: record the whole step as a CUDA graph, if the device is a GPU.

    Attributes:
        rate: the learning rate of the coming steps; on a GPU a tensor, which a recorded step reads anew.
        done: steps made, a scalar on the device.
        exp_avg: mean of the gradient, ``(*lead, n_params)``.
        exp_avg_sq: mean of its square, alike.
        graph: replays recorded steps; None where they are made kernel by kernel.
    """

    def __init__(self, state: State, *, recorded: bool = True) -> None:
        on_gpu = state.device.type == "cuda"
        self.rate: float | Tensor = (
            torch.tensor(state.config.lr, dtype=torch.float32, device=state.device) if on_gpu else state.config.lr
        )
        self.done = torch.zeros((), dtype=torch.float32, device=state.device)  # as torch counts them
        self.gradient, self.exp_avg, self.exp_avg_sq = (torch.zeros_like(state.theta) for _ in range(3))
        self.graph = cuda_graph.Captured(state.device) if on_gpu and recorded else None

    def set_rate(self, rate: float) -> None:
        """The learning rate of the coming steps."""
        if isinstance(self.rate, Tensor):
            self.rate.fill_(rate)
        else:
            self.rate = rate

    def step(self, state: State, here: LossAndGradients) -> None:
        """One step along these gradients, with these points' weights."""
        torch.add(here.grads, here.data_grads, out=self.gradient)
        adam(
            [state.theta],
            [self.gradient],
            [self.exp_avg],
            [self.exp_avg_sq],
            [],
            [self.done],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=self.rate,
            weight_decay=0.0,
            eps=EPS,
            maximize=False,
        )
        if here.chosen is None:
            state.attention.copy_(here.attention)
        else:
            state.attention.scatter_(-1, here.chosen, here.attention)

    def unseen_step(self, state: State, objective: Callable[[State], LossAndGradients]) -> None:
        """The same, from the loss on, without a look at the loss."""
        self.step(state, objective(state))

    def recorded_step(self, state: State, objective: Callable[[State], LossAndGradients]) -> None:
        """The same, recorded once and then replayed."""
        assert self.graph is not None
        moving = [state.theta, state.attention, self.done, self.exp_avg, self.exp_avg_sq]
        self.graph(lambda: self.unseen_step(state, objective), lambda: moving)

    def moments(self) -> dict[str, Tensor]:
        """Means of the gradient and of its square, ``(*lead, n_params)`` each; zeros before the first step."""
        return {"exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq}

    def load(self, step: int, moments: Mapping[str, Tensor]) -> None:
        """Take over the moments of a training that has made ``step`` steps."""
        self.done.fill_(float(step))
        for name, own in self.moments().items():
            own.copy_(moments[name])
