"""The state of a training between two steps, and what moves it on."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from tqdm import tqdm

from . import __version__, capturing, compiling, distributed, evaluation, sampling, snr, starts, weightings
from .config import Config
from .curvature import Curvature
from .gradients import ResidualTerm
from .models import split
from .objective import Evaluated, Objective
from .probing import CURVATURE, FRESH, HISTORY, Probe
from .problems.base import Problem
from .runs import Run
from .weightings import RAD

__all__ = ["Trainer", "TrainingDiverged"]

Path = str | os.PathLike[str]

#: What a branch cannot change, since its state would not fit: the network, the points, and what draws the data.
SAME_IN_BRANCHES = (
    *("width", "depth", "activation", "points", "data_points", "seed", "start", "perturbation", "sampling", "dtype"),
    "bias_init",
)
FRESH_SEED = 10**9  # far from the seeds that are used
SHARPNESS_TOLERANCE = 1e-2


class TrainingDiverged(RuntimeError):
    """The loss is no longer a finite number.

    Attributes:
        run: the last good state.
        runs: those of all members, where several were trained at once.
    """

    def __init__(self, message: str, run: Run, runs: Sequence[Run] = ()) -> None:
        super().__init__(message)
        self.run, self.runs = run, list(runs) or [run]


class Trainer:
    """One training, or several seeds at once.

    With ``seeds``, all tensors have a leading axis, one member for each seed.
    """

    def __init__(self, problem: Problem, config: Config, seeds: Sequence[int] | None = None) -> None:
        torch.set_float32_matmul_precision("highest")  # TF32 changes what a PINN converges to
        self.problem, self.config, self.alone = problem, config, seeds is None
        self.configs = [config] if seeds is None else [dataclasses.replace(config, seed=seed) for seed in seeds]
        self.device, self.dtype = config.torch_device(), config.torch_dtype
        self.world = distributed.start(self.device)
        if self.world.size > 1 and not self.alone:
            raise ValueError("torchrun shares one run among its processes: for several seeds use a sweep, or one process")
        begun = [starts.start(problem, one) for one in self.configs]
        self.models = [starts.network(problem, one).to(self.device) for one in self.configs]
        self.theta = torch.nn.Parameter(self._stack([one.parameters.to(self.device) for one in begun]))
        self.theta.grad = torch.zeros_like(self.theta)
        self.sizes, self.activation = self.models[0].sizes, self.models[0].activation
        for model, flat in zip(self.models, self._each(self.theta.detach()), strict=True):
            for p, part in zip(model.parameters(), split(flat, self.sizes), strict=True):
                p.data = part
        views = split(self.theta.detach(), self.sizes)
        self.weights, self.biases = views[: len(views) // 2], views[len(views) // 2 :]
        on_gpu = self.device.type == "cuda"
        rate = torch.tensor(config.lr, device=self.device) if on_gpu else config.lr  # a recorded step reads it anew
        self.optimizer = torch.optim.Adam([self.theta], lr=rate, betas=(0.9, 0.999), eps=1e-8, fused=True, capturable=on_gpu)
        points = self._stack([self._tensor(one.points) for one in begun])
        values = [self._stack([self._tensor(part) for part in parts]) for parts in zip(*(one.data for one in begun), strict=True)]
        initial = weightings.followed(config.weighting).initial
        self.rba = torch.full(points.shape[:-1], initial, dtype=self.dtype, device=self.device)
        orders = [weightings.permutation(config.points, one.seed).to(self.device) for one in self.configs]
        self.permutation = self._stack(orders)
        self.settings = {"sizes": self.sizes, "activation": self.activation, "world": self.world}
        self.settings["path"] = compiling.wanted(config, problem.plan.n_streams, self.device)
        self.data = values
        self.objective = Objective(
            problem, config, points, values, batches=config.batches, permutation=self.permutation, **self.settings
        )
        self.minibatch = None
        if config.minibatch:  # its points are overwritten at every step
            if self.world.size > 1:
                raise ValueError("torchrun shares whole batches among its processes: give minibatch = 0")
            few = points[..., : config.minibatch, :].clone()
            self.minibatch = Objective(problem, config, few, values, **self.settings)
        self.ready: Evaluated | None = None
        recordable = on_gpu and self.world.size == 1 and not config.minibatch
        self.captured = capturing.Captured(self.device) if recordable else None
        self.probe = Probe(problem, config, self.objective.path, self.theta)
        self.branch_of: dict[str, Any] | None = None
        self._places: list[np.ndarray] | None = None
        self.step = 0
        self.wall_before = 0.0
        self.started = time.perf_counter()
        self.history: list[list[dict[str, float | np.ndarray]]] = [[] for _ in self.configs]
        self.snapshots: list[list[tuple[int, np.ndarray, np.ndarray]]] = [[] for _ in self.configs]

    def _stack(self, tensors: list[Tensor]) -> Tensor:
        return tensors[0].clone() if self.alone else torch.stack(tensors)

    def _each(self, tensor: Tensor) -> list[Tensor]:
        """The members' parts."""
        return [tensor] if self.alone else list(tensor)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=self.dtype, device=self.device)

    @property
    def points(self) -> Tensor:
        """Where the loss is taken."""
        return self.objective.points

    @property
    def places(self) -> list[np.ndarray]:
        """The same as arrays, member by member."""
        if self._places is None:
            self._places = [where.double().cpu().numpy() for where in self._each(self.points)]
        return self._places

    def set_points(self, points: Tensor) -> None:
        """Train at these collocation points."""
        if self.captured:  # the recorded step reads its points where they were
            self.points.copy_(points)
        else:
            self.objective.take(points)
        self._places = None

    def run(self, checkpoints: Sequence[Path | None], every: float, until: int | None, progress: bool) -> list[Run]:
        """Train to the end, to ``until``, or to Ctrl-C."""
        config = self.config
        probes, snapshots = self._probe_steps(), set(config.snapshot_steps().tolist())
        stop = config.steps if until is None else min(until, config.steps)
        last_saved = time.perf_counter()
        bar = tqdm(
            total=config.steps,
            initial=self.step,
            disable=not (progress and self.world.first),
            file=sys.stderr,
            mininterval=0.5,
            unit="step",
            leave=False,
        )
        good = self._kept()
        self.world.check_same(self.step, self.theta, self.points, self.rba)
        with bar, _interrupts() as interrupted:
            while True:
                finished = self.step >= config.steps
                if (finished or self.step < stop) and self.step in probes and not self._probed():
                    if not self.measure():
                        raise self._diverged(good, checkpoints)
                    self._show(bar)
                    if self.step in snapshots:
                        self._snapshot()
                    good = self._kept()
                self.world.asked = interrupted.is_set()
                if self.step >= stop or self._interrupted():
                    break
                if not self.advance():
                    raise self._diverged(good, checkpoints)
                bar.update()
                if checkpoints[0] is not None and time.perf_counter() - last_saved >= every:
                    if not self._sound():
                        raise self._diverged(good, checkpoints)
                    self._keep(self.results(), checkpoints)
                    last_saved = time.perf_counter()
        if not self._sound():
            raise self._diverged(good, checkpoints)
        runs = self.results()
        self._keep(runs, checkpoints)
        return runs

    def _sound(self) -> bool:
        """Whether all losses are finite; only recorded steps, which nobody looks at, can have gone wrong since the last probe."""
        if not self.captured or self._probed():
            return True
        self.ready = self.ready or self.evaluate()
        return bool(torch.isfinite(self.ready.loss).all())

    def _interrupted(self) -> bool:
        """Whether to stop; several processes stop after the same step, when all have heard of it."""
        return self.world.asked if self.world.size == 1 else self.world.agreed

    def _keep(self, runs: Sequence[Run], paths: Sequence[Path | None]) -> bool:
        """Save checkpoints, if any; a full disk must not end a training, so it is a warning."""
        kept = True
        for run, path in zip(runs, paths, strict=True):
            if path is None:
                return False
            if not self.world.first:
                continue
            try:
                run.save(path)
            except OSError as error:
                warnings.warn(str(error), stacklevel=3)
                kept = False
        return kept

    def evaluate(self, *, apart: bool = False, update: bool = True) -> Evaluated:
        """Losses and gradients here; with those of the batches if they are wanted ``apart``.

        The points' weights are first brought up to date, unless told not to ``update`` them.
        """
        return self.objective(self.weights, self.biases, self.rba, self.step if update else None, apart=apart)

    def advance(self) -> bool:
        """One Adam step; False, and nothing changed, if a loss is not finite.

        A GPU is not asked for its loss, since that would wait for it: there the next probe finds out.
        """
        rate = self.config.learning_rate(self.step)
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        if self.ready is None and self.captured:
            self.captured(self._body, self._moving)
        else:
            chosen = self._chosen() if self.minibatch else None
            here = self._at(chosen) if chosen is not None else self.ready or self.evaluate()
            if not torch.isfinite(here.loss).all():
                self.ready = here
                return False
            self._apply(here, chosen)
        self.step += 1
        self.ready = None
        if isinstance(self.config.weighting, RAD) and self.step % self.config.weighting.every == 0:
            self._draw_points(self.config.weighting)
        return True

    def _draw_points(self, rule: RAD) -> None:
        """Take other collocation points, by the size of their residual; the weights that are only followed start anew."""
        chosen = []
        for model, config in zip(self.models, self.configs, strict=True):
            rng = np.random.default_rng([config.seed, 31, self.step])
            low, high = np.array(self.problem.domain, dtype=float).T
            pool = low + rng.random((rule.pool * config.points, len(low))) * (high - low)
            residual = evaluation.residual(model, self.problem, pool)
            if np.isfinite(residual).all():  # else the next step says what is wrong
                chosen.append(self._tensor(pool[rule.draw(residual, config.points, rng)]))
        if len(chosen) == len(self.models):
            self.rba.fill_(self.objective.rule.initial)
            self.set_points(self._stack(chosen))

    def _chosen(self) -> Tensor:
        """Which points the coming step takes, ``(*lead, minibatch)``."""
        n, size = self.config.points, self.config.minibatch
        drawn = [sampling.minibatch(n, size, self.step, seed=one.seed) for one in self.configs]
        return self._stack([torch.from_numpy(order).to(self.device) for order in drawn])

    def _at(self, chosen: Tensor) -> Evaluated:
        """Losses and gradients at a mini-batch."""
        self.minibatch.points.copy_(self.points.gather(-2, chosen.unsqueeze(-1).expand(*chosen.shape, self.points.shape[-1])))
        return self.minibatch(self.weights, self.biases, self.rba.gather(-1, chosen), self.step)

    def _body(self) -> None:
        """One step without a look at its loss: what a GPU records."""
        self._apply(self.evaluate())

    def _apply(self, here: Evaluated, chosen: Tensor | None = None) -> None:
        torch.add(here.grads, here.data_grads, out=self.theta.grad)
        self.optimizer.step()
        if chosen is None:
            self.rba.copy_(here.attention)
        else:
            self.rba.scatter_(-1, chosen, here.attention)

    def _moving(self) -> list[Tensor]:
        """The tensors that a step changes and the next one reads."""
        return [self.theta.detach(), self.rba, *self.optimizer.state[self.theta].values()]

    def _probe_steps(self) -> set[int]:
        """Those of the config, and the step at which a branch begins."""
        return {*self.config.probe_steps().tolist(), *([self.branch_of["step"]] if self.branch_of else [])}

    def _probed(self) -> bool:
        return bool(self.history[0]) and self.history[0][-1]["step"] == self.step

    def measure(self) -> bool:
        """Measure everything at this step, with the RBA weights that the config asks for; False if a loss is not finite.

        The step goes on from the very gradients that were measured, if they are those of its own weights.
        """
        used = self.config.probe_rba == "used" and self.objective.weighted
        here = self.ready = self.evaluate(apart=True, update=not used)
        rows = []
        for e, (model, where) in enumerate(zip(self.models, self.places, strict=True)):
            own, member = (here, None) if self.alone else (here.member(e), e)
            row = self.probe(self.step, model, where, own, self.optimizer, member, self._wall_time())
            rows.append(row | self._watched(e, own))
        if not np.isfinite([row["loss"] for row in rows]).all():
            return False
        if used:
            self.ready = None
        for history, row in zip(self.history, rows, strict=True):
            history.append(row)
        return True

    def _watched(self, member: int, here: Evaluated) -> dict[str, float]:
        """What is measured besides, where the config asks for it."""
        config, row = self.configs[member], {}
        if config.probe_fresh:
            row |= self._at_fresh_points(member, here)
        if config.probe_sharpness:
            row |= dict.fromkeys(CURVATURE, math.nan)
            begun = self.branch_of and self.step == self.branch_of["step"]
            if self.step and (begun or self.step % config.probe_sharpness == 0):
                around = Curvature(self._result(member, self._states()[member]))
                row["sharpness"] = around.sharpness(tolerance=SHARPNESS_TOLERANCE).value
                row["sharpness_adam"] = around.preconditioned_sharpness(tolerance=SHARPNESS_TOLERANCE).value
        return row

    def _at_fresh_points(self, member: int, here: Evaluated) -> dict[str, float]:
        """Signal and noise at other points, each with the factor of the nearest one that is trained on."""
        config, problem = self.configs[member], self.problem
        points = sampling.interior(problem.domain, config.points, seed=FRESH_SEED + config.seed, method=config.sampling)
        nearest = torch.from_numpy(cKDTree(self.places[member]).query(points)[1]).to(self.device)
        factors = None
        if self.objective.weighted:
            order = self.permutation if self.alone else self.permutation[member]
            factors = self.objective.rule.factor(here.attention, order)[nearest]
        term = ResidualTerm(
            problem,
            self._tensor(points),
            batches=config.batches,
            sizes=self.sizes,
            activation=self.activation,
            path=self.objective.path,
        )
        model = self.models[member]
        given = None if factors is None else lambda residual: factors
        _, _, grads = term(list(model.weights), list(model.biases), given, apart=True)
        layers = (snr.by_layer(split(g, self.sizes), biases=config.biases) for g in (grads, here.data_grads))
        found = snr.Statistics.of(snr.norms(*layers).cpu().numpy())
        return {"snr_fresh": found.snr, "signal_fresh": found.signal, "noise_fresh": found.noise}

    def _show(self, bar: tqdm) -> None:
        last = [rows[-1] for rows in self.history]
        loss, error, snr = (float(np.median([row[name] for row in last])) for name in ("loss", "rel_l2", "snr"))
        bar.set_postfix(loss=f"{loss:.2e}", rel_l2=f"{error:.3g}", snr=f"{snr:.2g}", refresh=False)

    def _snapshot(self) -> None:
        for shots, theta, weights in zip(self.snapshots, self._each(self.theta), self._each(self.rba), strict=True):
            shots.append((self.step, _array(theta), _array(weights)))

    def _series(self) -> list[str]:
        """Names of what a probe of this config measures."""
        return [*HISTORY, *(FRESH if self.config.probe_fresh else ()), *(CURVATURE if self.config.probe_sharpness else ())]

    def _wall_time(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return self.wall_before + time.perf_counter() - self.started

    def _kept(self) -> dict[str, Any]:
        """Copies of what a training goes on from, on the device: nobody waits for them."""
        own = self.optimizer.state.get(self.theta, {})
        parts = {"parameters": self.theta, "rba": self.rba, "points": self.points}
        parts |= {name: own.get(name, torch.zeros_like(self.theta)) for name in ("exp_avg", "exp_avg_sq")}
        return {"step": self.step, **{name: part.detach().clone() for name, part in parts.items()}}

    def _states(self, kept: dict[str, Any] | None = None) -> list[dict[str, np.ndarray]]:
        """The state of each member, as arrays; the present one unless told."""
        step, *parts = (kept or self._kept()).items()
        members = {name: self._each(part) for name, part in parts}
        return [
            {"step": np.array(step[1]), **{name: _array(part[e]) for name, part in members.items()}}
            for e in range(len(self.configs))
        ]

    def restore(self, run: Run) -> None:
        """Take over a run's state, history and snapshots."""
        if run.compact:
            raise ValueError(f"the run of step {run.step} was made compact and has lost Adam's moments: go on from a checkpoint")
        state = run.state
        self.theta.data.copy_(self._tensor(state["parameters"]))
        self.rba.copy_(self._tensor(state["rba"]))
        self.set_points(self._tensor(run.points))
        self.step = run.step
        self.wall_before = float(run.provenance["wall_time"])
        if self.step:
            first, second = (self._tensor(state[name]).clone() for name in ("exp_avg", "exp_avg_sq"))
            done = torch.tensor(float(self.step), device=self.device)
            self.optimizer.state[self.theta] = {"step": done, "exp_avg": first, "exp_avg_sq": second}
        # probes that an uninterrupted run of this length would not have made, such as a shorter run's last, are left out
        self.branch_of = run.provenance.get("branch_of")
        wanted = self._probe_steps()
        rows = [k for k, s in enumerate(run.history.get("step", ())) if int(s) in wanted]
        self.history = [[{name: values[k] for name, values in run.history.items()} for k in rows]]
        shots = run.snapshots
        self.snapshots = [[(int(s), shots["parameters"][k], shots["rba"][k]) for k, s in enumerate(shots["step"])]]

    def branch(self, run: Run) -> None:
        """Begin where a run stands, with other settings: its state, none of its history."""
        own, other = self.config, run.config
        differ = [name for name in SAME_IN_BRANCHES if getattr(own, name) != getattr(other, name)]
        if differ or json.dumps(run.problem_spec["settings"]) != json.dumps(self.problem.settings()):
            raise ValueError(
                f"a branch has another {', '.join(differ) or 'problem'} than the run that it begins from: "
                f"give it the run's own ({', '.join(f'{name} = {getattr(other, name)!r}' for name in differ) or run.problem})"
            )
        if own.steps <= run.step:
            raise ValueError(f"steps = {own.steps}: the run that the branch begins from is at step {run.step}, give a later step")
        self.restore(run)
        self.history, self.snapshots, self.wall_before = [[]], [[]], 0.0
        self.branch_of = {"step": run.step, "config": run.config.as_dict()}

    def results(self, states: list[dict[str, np.ndarray]] | None = None) -> list[Run]:
        """The runs so far."""
        return [self._result(e, state) for e, state in enumerate(states or self._states())]

    def _result(self, member: int, state: dict[str, np.ndarray]) -> Run:
        problem, config = self.problem, self.configs[member]
        rows, shots = self.history[member], self.snapshots[member]
        spec = {
            "name": type(problem).__name__.lower(),
            "settings": problem.settings(),
            "coordinates": list(problem.coordinates),
            "fields": list(problem.fields),
            "inputs": problem.inputs,
        }
        dtype = np.dtype(config.dtype)
        return Run(
            config=config,
            problem=problem,
            problem_spec=spec,
            history={name: np.array([row[name] for row in rows]) for name in self._series()},
            points=state["points"],
            snapshots={
                "step": np.array([s for s, _, _ in shots], dtype=int),
                "parameters": np.array([p for _, p, _ in shots], dtype=dtype).reshape(-1, self.theta.shape[-1]),
                "rba": np.array([w for _, _, w in shots], dtype=dtype).reshape(-1, config.points),
            },
            state={name: values for name, values in state.items() if name != "points"},
            provenance={
                "pinnlib": __version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                "platform": platform.platform(),
                "device": torch.cuda.get_device_name(self.device)
                if self.device.type == "cuda"
                else f"CPU, {torch.get_num_threads()} threads",
                "path": f"{self.objective.path}, {len(self.objective.residual_term.chunks)} chunks",
                "recorded": bool(self.captured and self.captured.recorded),
                "threads": torch.get_num_threads(),
                "seeds_at_once": len(self.configs),
                "processes": self.world.size,
                "wall_time": self._wall_time(),
            }
            | ({"branch_of": self.branch_of} if self.branch_of else {}),
        )

    def _diverged(self, kept: dict[str, Any], checkpoints: Sequence[Path | None]) -> TrainingDiverged:
        """What to say, and to keep: of members whose loss is finite the present state, of the others the last good one."""
        finite = [bool(torch.isfinite(loss)) for loss in self._each(self.ready.loss)]
        good = self._states(kept)
        states = [now if ok else before for ok, now, before in zip(finite, self._states(), good, strict=True)]
        runs, bad = self.results(states), finite.index(False)
        where = "in the error's .run"
        if self._keep(runs, checkpoints):
            where = f"saved to {checkpoints[bad]}"
        seed = "" if self.alone else f" with seed {self.configs[bad].seed}"
        return TrainingDiverged(
            f"the loss{seed} is not a finite number at step {self.step}: the state of step {int(good[bad]['step'])} is {where}; "
            f"try a smaller lr than {self.config.lr:g}, or dtype='float64'",
            runs[bad],
            runs,
        )


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().copy()


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Turn Ctrl-C into an event that is looked at between steps; a second one interrupts at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
