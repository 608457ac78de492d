"""Every setting of a training run, in one frozen and checked object."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from . import sampling, weightings
from .models import BIAS_INITS
from .taylor import activations
from .weightings import Weighting

__all__ = ["Config"]

DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of a run; the defaults are the quick scale of the book, a laptop's size.

    Attributes:
        width: units of a hidden layer.
        depth: number of hidden layers.
        activation: ``"tanh"``, ``"sine"`` or ``"softplus"``.
        bias_init: biases at the start: ``"uniform"`` in +-1/sqrt(fan_in), as torch and the authors have them, or ``"zero"``.
        points: collocation points.
        data_points: boundary or initial points.
        batches: equal parts of the collocation points whose gradients are compared; must divide ``points``.
        steps: Adam steps.
        finish: ``"lbfgs"`` to go on from there by L-BFGS, with the points' weights as Adam left them; None to stop there.
        finish_steps: at most so many iterations of it; fewer where the loss cannot be made smaller in this precision.
        minibatch: collocation points of one step, drawn without replacement, with the whole data term; must divide ``points``.
            0, as in the paper: all of them.  On a GPU such a step is not recorded, and takes longer than one on all points.
        lr: Adam's learning rate at the start.
        lr_decay: factor of the learning rate every ``lr_decay_every`` steps.
        lr_decay_every: steps between two decays.
        data_weight: weight of the data term in the loss.
        weighting: an :class:`~pinnlib.rba.RBA`, one of the others in :mod:`pinnlib.weightings`, or None for a vanilla run.
        biases: count biases into the gradients' statistics; the paper does not.
        probe_every: steps between two probes, once the logarithmic part of the schedule is over.
        probe_dense: up to here every second step is probed instead of log-spaced ones, as the authors do to 300; 0: none.
        probe_rba: the RBA weights that a probe measures with: ``"next"``, those that the coming step will use, so that a probe
            sees the very gradient of a step; or ``"used"``, those of the step before, as the authors measure.
        probe_fresh: measure signal and noise at as many points that are not trained on, too.
        probe_sharpness: steps between two measurements of the curvature, see :mod:`pinnlib.curvature`; 0: none.
        snapshots: number of log-spaced steps at which weights are kept.
        sampling: ``"latin hypercube"``, ``"sobol"`` or ``"uniform"``.
        seed: of the network's weights and of all points.
        start: where all that comes from: ``"drawn"`` from the seed, or ``"authors"``, see :mod:`pinnlib.book.authors`.
        perturbation: each parameter of the start is multiplied by 1 + this times a normal number, drawn from the seed.
        dtype: ``"float32"`` or ``"float64"``.
        compile: make machine code for the passes through the network: C++ on a CPU, Triton on a GPU.
            True, False, or ``"auto"`` for runs that are long enough to win back the time of compiling.  Without a
            compiler it does without.  The two ways differ by rounding, so give True or False where bits matter.
        device: ``"auto"`` (a GPU if there is one), ``"cpu"`` or ``"cuda"``.
    """

    width: int = 64
    depth: int = 4
    activation: str = "tanh"
    bias_init: str = "uniform"
    points: int = 4096
    data_points: int = 400
    batches: int = 32
    steps: int = 2000
    finish: str | None = None
    finish_steps: int = 0
    minibatch: int = 0
    lr: float = 1e-3
    lr_decay: float = 0.9
    lr_decay_every: int = 5000
    data_weight: float = 1.0
    weighting: Weighting | None = None
    biases: bool = False
    probe_every: int = 50
    probe_dense: int = 0
    probe_rba: str = "next"
    probe_fresh: bool = False
    probe_sharpness: int = 0
    snapshots: int = 24
    sampling: str = "latin hypercube"
    seed: int = 0
    start: str = "drawn"
    perturbation: float = 0.0
    dtype: str = "float32"
    compile: bool | str = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("width", "depth", "points", "data_points", "steps", "lr_decay_every", "probe_every", "snapshots"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} = {value!r}: give a whole number of at least 1")
        if not isinstance(self.batches, int) or self.batches < 2 or self.points % self.batches:
            near = [b for b in range(2, self.points + 1) if self.points % b == 0]
            hint = f"choose a divisor, such as {min(near, key=lambda b: abs(b - 32))}" if near else "use at least 2 points"
            raise ValueError(f"batches = {self.batches!r} do not cut {self.points} points into equal parts: {hint}")
        for name in ("lr", "lr_decay", "data_weight"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
                raise ValueError(f"{name} = {value!r}: give a positive number")
        activations.get(self.activation)
        self._check_choices()
        self._check_start_and_probes()

    def _check_choices(self) -> None:
        if self.sampling not in sampling.METHODS:
            raise ValueError(f"sampling {self.sampling!r} is unknown: choose one of {sampling.METHODS}")
        if self.weighting is not None and not isinstance(self.weighting, Weighting):
            raise ValueError(f"weighting = {self.weighting!r}: give pl.RBA(...) or None")
        if self.dtype not in DTYPES:
            raise ValueError(
                f"dtype {self.dtype!r} cannot resolve the residuals of a PINN or is unknown: use one of {tuple(DTYPES)}"
            )
        if self.compile not in (True, False, "auto"):
            raise ValueError(f"compile = {self.compile!r}: use True, False or 'auto'")
        if self.device not in ("auto", "cpu") and not self.device.startswith("cuda"):
            raise ValueError(f"device {self.device!r} is unknown: use 'auto', 'cpu' or 'cuda'")
        for name, choices in {"bias_init": BIAS_INITS, "probe_rba": ("next", "used")}.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} = {getattr(self, name)!r}: choose one of {choices}")

    def _check_start_and_probes(self) -> None:
        if self.finish not in (None, "lbfgs"):
            raise ValueError(f"finish = {self.finish!r}: choose 'lbfgs' or None")
        if (
            not isinstance(self.finish_steps, int)
            or self.finish_steps < 0
            or (self.finish_steps > 0) != (self.finish is not None)
        ):
            raise ValueError(
                f"finish = {self.finish!r} with finish_steps = {self.finish_steps!r}: give both, such as finish='lbfgs', "
                "finish_steps=500, or neither"
            )
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed = {self.seed!r}: give a whole number of at least 0")
        for name in ("probe_dense", "probe_sharpness"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"{name} = {value!r}: give a whole number of steps, or 0")
        if not isinstance(self.minibatch, int) or self.minibatch < 0 or (self.minibatch and self.points % self.minibatch):
            raise ValueError(
                f"minibatch = {self.minibatch!r} does not cut {self.points} points into equal parts: give a divisor, or 0"
            )
        if self.minibatch and getattr(self.weighting, "assignment", "own") == "permuted":
            raise ValueError(
                f"minibatch = {self.minibatch} with permuted weights: the others' weights are not in a mini-batch, give 0"
            )
        if not (isinstance(self.perturbation, int | float) and 0.0 <= self.perturbation < 1.0):
            raise ValueError(f"perturbation = {self.perturbation!r}: give a number from 0 to below 1, such as 1e-7")

    def torch_device(self) -> torch.device:
        """The device to train on.

        Raises:
            ValueError: a CUDA device was asked for and there is none.
        """
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise ValueError(
                f"device {self.device!r} is not there: use device='cpu', or a torch build with CUDA on a machine with a GPU"
            )
        device = torch.device(self.device)
        if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            raise ValueError(
                f"device {self.device!r} is not there: this machine has {torch.cuda.device_count()}, numbered from 0"
            )
        return device

    @property
    def torch_dtype(self) -> torch.dtype:
        """The floating-point type of points and weights."""
        return DTYPES[self.dtype]

    def learning_rate(self, step: int) -> float:
        """Adam's learning rate at ``step``."""
        return self.lr * self.lr_decay ** (step // self.lr_decay_every)

    @property
    def last_step(self) -> int:
        """Number of the last step, of Adam or of what finishes."""
        return self.steps + self.finish_steps

    def probe_steps(self) -> np.ndarray:
        """Steps that are measured: 0, log-spaced ones (20 a decade), then every ``probe_every``, and the last.

        With ``probe_dense`` every second step to there takes the place of the log-spaced ones.
        """
        steps, x, ratio = [0], 1.0, 10 ** (1 / 20)
        if self.probe_dense:
            steps = list(range(0, min(self.probe_dense, self.steps) + 1, 2))
            x = math.inf
        while x * (ratio - 1.0) < self.probe_every and x <= self.steps:
            steps.append(round(x))
            x = max(x * ratio, round(x) + 1.0)
        start = (steps[-1] // self.probe_every + 1) * self.probe_every
        steps += [*range(start, self.steps, self.probe_every), self.steps]
        steps = [s for s in steps if s <= self.steps]
        return np.unique([*steps, *range(self.steps, self.last_step, self.probe_every), self.last_step])

    def snapshot_steps(self) -> np.ndarray:
        """Probe steps nearest to 0 and to ``snapshots - 1`` log-spaced steps; the last step always."""
        probes = self.probe_steps()
        if self.snapshots == 1:
            return probes[-1:]
        targets = (
            np.concatenate([[0], np.geomspace(1, self.last_step, self.snapshots - 1)])
            if self.snapshots > 2
            else np.array([0, self.last_step])
        )
        return np.unique([probes[np.argmin(np.abs(probes - t))] for t in targets])

    def as_dict(self) -> dict[str, Any]:
        """Plain values only, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """The inverse of :meth:`as_dict`."""
        values = dict(values)
        values["weighting"] = weightings.from_dict(values.get("weighting"))
        return cls(**values)

    def describe(self) -> str:
        """One line: what a figure is stamped with."""
        rule = "vanilla" if self.weighting is None else self.weighting.describe()
        network = f"{self.width} x {self.depth} {self.activation}"
        origin = f"seed {self.seed}" if self.start == "drawn" else f"the {self.start}' start"
        if self.perturbation:
            origin += f" times 1 + {self.perturbation:g} noise" + (f" {self.seed}" if self.start != "drawn" else "")
        part = f" in mini-batches of {self.minibatch}" if self.minibatch else ""
        end = f" and {self.finish_steps:,} of L-BFGS" if self.finish else ""
        return f"{rule}, {network}, {self.points:,} points{part}, {self.steps:,} steps{end}, {origin}"
