"""What a training costs: a sum of steps and probes, and their arithmetic, counted for machines that are not at hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..config import Config
from ..problems.base import Problem

__all__ = ["DEVICES", "Budget", "Cost", "cost"]

#: Largest float32 rate outside tensor cores, in operations a second; from the data sheets of the T4 and the H100 SXM.
DEVICES = {"T4": 8.1e12, "H100": 66.9e12}


@dataclass(frozen=True)
class Budget:
    """What steps and probes take, in one unit.

    Attributes:
        step: of one Adam step.
        probe: of one probe, besides the step whose pass it shares.
        steps: how many steps.
        probes: how many probes.
    """

    step: float
    probe: float
    steps: int
    probes: int

    @property
    def total(self) -> float:
        """That of the whole training."""
        return self.steps * self.step + self.probes * self.probe


class Cost(Budget):
    """Floating-point operations, two for a multiplication and an addition."""

    def seconds(self, rate: float, share: float = 0.5) -> float:
        """Time on a device of ``rate`` operations a second, of which ``share`` is reached."""
        return self.total / (rate * share)


def cost(problem: Problem, config: Config) -> Cost:
    """Count the matrix products: forward once, backward twice as much, for all streams of all points; the rest is small.

    Args:
        problem: what is solved.
        config: all settings.
    """
    sizes = [problem.inputs, *[config.width] * config.depth, len(problem.fields)]
    one = 2.0 * float(np.dot(sizes[:-1], sizes[1:]))  # one row through all layers
    step = 3.0 * one * (problem.plan.n_streams * config.points + config.data_points)
    grid = len(problem.test_grid()) if problem.has_reference else 0
    return Cost(step, one * grid, config.last_step, len(config.probe_steps()))
