"""The last steps of a training by L-BFGS, which needs a loss that stays the same: the points' weights rest as Adam left them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .objective import Objective
from .state import State

__all__ = ["MEMORY", "Finish"]

#: Pairs of steps and changes of the gradient that the curvature is built from.
MEMORY = 50
#: What is kept of torch's optimizer between two steps; lists of it are stored as one tensor.
LISTS = {"old_dirs": "lbfgs_changes", "old_stps": "lbfgs_steps", "ro": "lbfgs_ro"}
TENSORS = {"d": "lbfgs_direction", "prev_flat_grad": "lbfgs_gradient", "H_diag": "lbfgs_scale", "t": "lbfgs_length"}


class Finish:
    """Torch's L-BFGS with its strong Wolfe line search, one iteration a step.

    Args:
        state: whose parameters it moves.
        objective: what it makes small, at all points.
    """

    def __init__(self, state: State, objective: Objective) -> None:
        self.state, self.objective = state, objective
        self.unit: Tensor | None = None  # the loss that it began with: torch compares with absolute numbers
        self.parameters = torch.nn.Parameter(state.theta)  # the same memory
        self.optimizer = torch.optim.LBFGS(
            [self.parameters],
            max_iter=1,
            max_eval=25,
            history_size=MEMORY,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )
        self._at: Tensor | None = None

    def _loss(self) -> Tensor:
        """The loss at the present parameters, with its gradient in place; not computed twice at the same ones."""
        if self._at is None or not torch.equal(self._at, self.parameters):
            here = self.objective(self.state, update=False)
            self.unit = here.loss.clone() if self.unit is None else self.unit
            self._at = self.parameters.detach().clone()
            self._value, self._gradient = here.loss / self.unit, (here.grads + here.data_grads) / self.unit
        self.parameters.grad = self._gradient.clone()
        return self._value

    def step(self) -> bool:
        """One iteration; False, and nothing changes, where the loss cannot be made smaller in this precision."""
        before = self.parameters.detach().clone()
        known = self._loss()
        self.optimizer.step(self._loss)
        better = bool(torch.isfinite(self.parameters).all()) and float(self._loss()) < float(known)
        if not better:
            with torch.no_grad():
                self.parameters.copy_(before)
        return better

    def moments(self) -> dict[str, Tensor]:
        """What it needs to go on, by the names of a run's state; nothing before the first step."""
        own = self.optimizer.state.get(self.parameters, {})
        if self.unit is None or "d" not in own:
            return {}
        like = self.state.theta
        found = {name: torch.as_tensor(own[key], dtype=like.dtype, device=like.device) for key, name in TENSORS.items()}
        for key, name in LISTS.items():
            found[name] = torch.stack(list(own[key])) if own[key] else like.new_zeros(0)
        return found | {"lbfgs_unit": self.unit}

    def load(self, done: int, kept: Mapping[str, Tensor]) -> None:
        """Take over what a training had after ``done`` steps of L-BFGS."""
        self.unit = kept["lbfgs_unit"].clone()
        own: dict[str, Any] = self.optimizer.state[self.parameters]
        own |= {key: kept[name].clone() for key, name in TENSORS.items()}
        own |= {key: [one.clone() for one in kept[name]] for key, name in LISTS.items()}
        own |= {"n_iter": done, "func_evals": 0, "prev_loss": None, "al": [None] * MEMORY}
