"""The state of a training between two steps, and what moves it on."""

from __future__ import annotations

import dataclasses
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
from torch import Tensor
from tqdm import tqdm

from . import __version__, capturing, compiling, distributed, evaluation, fused, native, rba, starts, weightings
from .config import Config
from .gradients import DataTerm, ResidualTerm
from .models import split
from .probing import HISTORY, Evaluated, Probe
from .problems.base import Problem
from .runs import Run
from .weightings import RAD

__all__ = ["Trainer", "TrainingDiverged"]

Path = str | os.PathLike[str]


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
        # a run without weights follows RBA's all the same, unused in its loss, so that all kinds can be compared
        self.rule = rba.RBA() if config.weighting is None or isinstance(config.weighting, RAD) else config.weighting
        points = self._stack([self._tensor(one.points) for one in begun])
        values = [self._stack([self._tensor(part) for part in parts]) for parts in zip(*(one.data for one in begun), strict=True)]
        self.rba = torch.full(points.shape[:-1], self.rule.initial, dtype=self.dtype, device=self.device)
        orders = [weightings.permutation(config.points, one.seed).to(self.device) for one in self.configs]
        self.permutation = self._stack(orders)
        self.path = compiling.wanted(config, problem.plan.n_streams, self.device)
        made_by = {"native": native, "triton": fused}.get(self.path)
        if made_by is not None and not made_by.supports(self.activation, self.dtype):
            self.path = "eager"
        self.set_points(points, values)
        self.ready: Evaluated | None = None
        self.captured = capturing.Captured(self.device) if on_gpu and self.world.size == 1 else None
        self.probe = Probe(problem, config, self.path, self.theta)
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

    def set_points(self, points: Tensor, data: Sequence[Tensor] | None = None) -> None:
        """Train at these collocation points and, if told, data; in machine code if it can be made, in all processes."""
        self.points, self.data = points, self.data if data is None else data
        self.places = [where.double().cpu().numpy() for where in self._each(points)]
        terms = None if self.path == "eager" else self._tried()
        if self.world.any(terms is None):
            self.path, terms = "eager", None
        self.residual_term, self.data_term = terms or self._terms()

    def _tried(self) -> tuple[Any, Any] | None:
        """The terms after a pass of each; None, and a notice, where this path cannot be had."""
        try:
            terms = self._terms()
            for term in terms:
                getattr(term, "own", term)(self.weights, self.biases)  # of this process alone
        except Exception as error:
            first = (str(error).splitlines() or [""])[0]
            warnings.warn(
                f"compiling failed ({type(error).__name__}: {first[:200]}): training goes on without, more slowly", stacklevel=6
            )
            return None
        return terms

    def _terms(self) -> tuple[Any, Any]:
        settings = {"sizes": self.sizes, "activation": self.activation, "path": self.path}
        settings_of_residual = settings | {"batches": self.config.batches}
        if self.world.size == 1:
            return (
                ResidualTerm(self.problem, self.points, **settings_of_residual),
                DataTerm(self.problem, *self.data, **settings),
            )
        return (
            distributed.ShardedResidual(self.world, self.problem, self.points, **settings_of_residual),
            distributed.ShardedData(self.world, self.problem, *self.data, **settings),
        )

    def run(self, checkpoints: Sequence[Path | None], every: float, until: int | None, progress: bool) -> list[Run]:
        """Train to the end, to ``until``, or to Ctrl-C."""
        config = self.config
        probes, snapshots = set(config.probe_steps().tolist()), set(config.snapshot_steps().tolist())
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

    def evaluate(self, *, apart: bool = False, attention: Tensor | None = None) -> Evaluated:
        """Losses and gradients here; with those of the batches if they are wanted ``apart``.

        The points' weights are first brought up to date, unless ``attention`` gives them.
        """
        config, rule, given = self.config, self.rule, attention
        factors = self.rba

        def factor(residual: Tensor) -> Tensor:
            nonlocal attention, factors
            attention = rule.updated(self.rba, residual, self.step) if given is None else given
            factors = rule.factor(attention, self.permutation)
            return factors

        weighted = rule is config.weighting
        residual, grads, batch_grads = self.residual_term(self.weights, self.biases, factor if weighted else None, apart=apart)
        if not weighted:
            factor(residual)
        square = residual.square()
        loss_residual = (factors * square if weighted else square).mean(-1)
        loss_data, data_grads = self.data_term(self.weights, self.biases, scale=config.data_weight)
        loss = loss_residual + config.data_weight * loss_data
        return Evaluated(loss, residual, loss_data, attention, grads, data_grads, batch_grads)

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
            here = self.ready or self.evaluate()
            if not torch.isfinite(here.loss).all():
                self.ready = here
                return False
            self._apply(here)
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
            self.rba.fill_(self.rule.initial)
            drawn = self._stack(chosen)
            if self.captured:  # the recorded step reads its points where they were
                self.points.copy_(drawn)
                self.places = [where.double().cpu().numpy() for where in self._each(drawn)]
            else:
                self.set_points(drawn)

    def _body(self) -> None:
        """One step without a look at its loss: what a GPU records."""
        self._apply(self.evaluate())

    def _apply(self, here: Evaluated) -> None:
        torch.add(here.grads, here.data_grads, out=self.theta.grad)
        self.optimizer.step()
        self.rba.copy_(here.attention)

    def _moving(self) -> list[Tensor]:
        """The tensors that a step changes and the next one reads."""
        return [self.theta.detach(), self.rba, *self.optimizer.state[self.theta].values()]

    def _probed(self) -> bool:
        return bool(self.history[0]) and self.history[0][-1]["step"] == self.step

    def measure(self) -> bool:
        """Measure everything at this step, with the RBA weights that the config asks for; False if a loss is not finite.

        The step goes on from the very gradients that were measured, if they are those of its own weights.
        """
        used = self.config.probe_rba == "used" and self.rule is self.config.weighting
        here = self.ready = self.evaluate(apart=True, attention=self.rba if used else None)
        rows = []
        for e, (model, where) in enumerate(zip(self.models, self.places, strict=True)):
            own, member = (here, None) if self.alone else (here.member(e), e)
            rows.append(self.probe(self.step, model, where, own, self.optimizer, member, self._wall_time()))
        if not np.isfinite([row["loss"] for row in rows]).all():
            return False
        if used:
            self.ready = None
        for history, row in zip(self.history, rows, strict=True):
            history.append(row)
        return True

    def _show(self, bar: tqdm) -> None:
        last = [rows[-1] for rows in self.history]
        loss, error, snr = (float(np.median([row[name] for row in last])) for name in ("loss", "rel_l2", "snr"))
        bar.set_postfix(loss=f"{loss:.2e}", rel_l2=f"{error:.3g}", snr=f"{snr:.2g}", refresh=False)

    def _snapshot(self) -> None:
        for shots, theta, weights in zip(self.snapshots, self._each(self.theta), self._each(self.rba), strict=True):
            shots.append((self.step, _array(theta), _array(weights)))

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
        wanted = set(self.config.probe_steps().tolist())
        rows = [k for k, s in enumerate(run.history.get("step", ())) if int(s) in wanted]
        self.history = [[{name: values[k] for name, values in run.history.items()} for k in rows]]
        shots = run.snapshots
        self.snapshots = [[(int(s), shots["parameters"][k], shots["rba"][k]) for k, s in enumerate(shots["step"])]]

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
            history={name: np.array([row[name] for row in rows]) for name in HISTORY},
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
                "path": f"{self.path}, {len(self.residual_term.chunks)} chunks",
                "recorded": bool(self.captured and self.captured.recorded),
                "threads": torch.get_num_threads(),
                "seeds_at_once": len(self.configs),
                "processes": self.world.size,
                "wall_time": self._wall_time(),
            },
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
