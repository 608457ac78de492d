"""Full-batch Adam on a PINN's loss, watched by probes, never losing what was trained."""

from __future__ import annotations

import os
import platform
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from . import __version__, compiling, evaluation, order, rba, sampling, snr
from .config import Config
from .gradients import DataTerm, ResidualTerm
from .models import MLP
from .problems.base import Problem
from .runs import Run

__all__ = ["HISTORY", "TrainingDiverged", "resume", "train"]

#: What a probe measures; one row each in ``run.history``.
HISTORY = {
    "step": "Adam steps done",
    "loss": "the weighted loss that is minimized",
    "loss_residual": "unweighted mean squared residual",
    "loss_data": "unweighted mean squared error at the data points",
    "rel_l2": "relative L2 error on the test grid; nan without a reference",
    "snr": "signal over noise of the batch gradients",
    "snr_layers": "the same, layer by layer",
    "snr_residual": "signal over noise of the residual term alone",
    "signal": "norm of the mean batch gradient",
    "noise": "norm of the batch gradients' standard deviation",
    "signal_layers": "signal, layer by layer",
    "noise_layers": "noise, layer by layer",
    "signal_residual": "signal of the residual term alone",
    "signal_data": "norm of the data term's gradient, with its weight",
    "snr_adam": "Adam's SNR, from its moments",
    "adam_step": "mean size of Adam's step over its learning rate",
    "order_gradient": "gradient order parameter, SNR / sqrt(1 + SNR^2)",
    "order_residual": "order parameter of abs(residual) over 10 x 10 cells",
    "order_weights": "order parameter of the RBA weights over 10 x 10 cells",
    "rba_mean": "mean RBA weight",
    "rba_max": "largest RBA weight",
    "wall_time": "seconds of training so far",
}


class TrainingDiverged(RuntimeError):
    """The loss is no longer a finite number; ``run`` holds the last good state."""

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run


def train(
    problem: Problem,
    config: Config,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    until: int | None = None,
    progress: bool = True,
) -> Run:
    """Train a PINN; returns its :class:`~pinnlib.runs.Run`.

    Ctrl-C ends the training after the current step and returns the run so far.

    Args:
        problem: what to solve.
        config: all settings.
        checkpoint: a file that is renewed every ``checkpoint_every`` seconds and at the end; :func:`resume` goes on from it.
        until: stop before this step, as an interruption would.
        progress: show a progress bar on stderr.

    Raises:
        ValueError: CUDA was asked for and is not there.
        TrainingDiverged: the loss became nan or inf.
    """
    return _Trainer(problem, config).run(checkpoint, checkpoint_every, until, progress)


def resume(
    source: str | os.PathLike[str] | Run,
    *,
    problem: Problem | None = None,
    steps: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    until: int | None = None,
    progress: bool = True,
) -> Run:
    """Go on from a checkpoint or a run; the result is the one of an uninterrupted training, bit for bit.

    Args:
        source: the file, or the run.
        problem: needed where it is one of your own.
        steps: train to this step instead of the config's.
        checkpoint: as in :func:`train`; the source's own file unless told.
    """
    if not isinstance(source, Run):
        checkpoint = source if checkpoint is None else checkpoint
        source = Run.load(source, problem)
    problem = problem or source._known_problem()
    config = source.config
    if steps is not None:
        if steps < source.step:
            raise ValueError(f"steps = {steps}: the run is already at step {source.step}; give a later step")
        config = Config.from_dict(config.as_dict() | {"steps": steps})
    trainer = _Trainer(problem, config)
    trainer.restore(source)
    return trainer.run(checkpoint, checkpoint_every, until, progress)


@dataclass(frozen=True)
class _Evaluated:
    """What one pass over all points gives."""

    loss: Tensor
    residual: Tensor
    loss_data: Tensor
    attention: Tensor
    grads: list[Tensor]
    data_grads: list[Tensor]
    batch_grads: list[Tensor] | None


class _Trainer:
    """The state of a training between two steps, and what moves it on."""

    def __init__(self, problem: Problem, config: Config) -> None:
        torch.set_float32_matmul_precision("highest")  # TF32 changes what a PINN converges to
        self.problem, self.config = problem, config
        self.device, self.dtype = config.torch_device(), config.torch_dtype
        self.model = MLP(
            len(problem.coordinates),
            len(problem.fields),
            width=config.width,
            depth=config.depth,
            activation=config.activation,
            seed=config.seed,
            dtype=self.dtype,
        ).to(self.device)
        points = sampling.interior(problem.domain, config.points, seed=config.seed, method=config.sampling)
        self.theta = self.model.flatten()
        self.theta.grad = torch.zeros_like(self.theta)
        self.optimizer = torch.optim.Adam([self.theta], lr=config.lr, betas=(0.9, 0.999), eps=1e-8, fused=True)
        self.compiled = compiling.wanted(config, problem.plan.n_streams, self.device)
        self._set_points(self._tensor(points))
        data = map(self._tensor, problem.data(config.data_points, config.seed))
        self.data_term = DataTerm(*data, weights=list(self.model.weights), activation=self.model.activation)
        self.ready: _Evaluated | None = None
        # a vanilla run follows the weights too, unused in its loss, so that both kinds can be compared
        self.rule = config.weighting or rba.RBA()
        self.rba = torch.full((config.points,), self.rule.initial, dtype=self.dtype, device=self.device)
        self.step = 0
        self.wall_before = 0.0
        self.started = time.perf_counter()
        self.history: list[dict[str, float | np.ndarray]] = []
        self.snapshots: list[tuple[int, np.ndarray, np.ndarray]] = []
        self.test_points = problem.test_grid() if problem.has_reference else None
        self.test_values = problem.solution(self.test_points) if problem.has_reference else None

    def _set_points(self, points: Tensor) -> None:
        self.points = points
        self.residual_term = ResidualTerm(
            self.problem,
            points,
            batches=self.config.batches,
            weights=list(self.model.weights),
            activation=self.model.activation,
            compiled=self.compiled,
        )

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=self.dtype, device=self.device)

    def run(self, checkpoint: str | os.PathLike[str] | None, every: float, until: int | None, progress: bool) -> Run:
        """Train to the end, to ``until``, or to Ctrl-C."""
        config = self.config
        probes, snapshots = set(config.probe_steps().tolist()), set(config.snapshot_steps().tolist())
        stop = config.steps if until is None else min(until, config.steps)
        last_saved = time.perf_counter()
        bar = tqdm(
            total=config.steps,
            initial=self.step,
            disable=not progress,
            file=sys.stderr,
            mininterval=0.5,
            unit="step",
            leave=False,
        )
        good = self._state()
        with bar, _interrupts() as interrupted:
            while True:
                finished = self.step >= config.steps
                if (finished or self.step < stop) and self.step in probes and not self._probed():
                    if not self._probe(bar):
                        raise self._diverged(good, checkpoint)
                    if self.step in snapshots:
                        self._snapshot()
                    good = self._state()
                if self.step >= stop or interrupted.is_set():
                    break
                if not self._advance():
                    raise self._diverged(good, checkpoint)
                bar.update()
                if checkpoint is not None and time.perf_counter() - last_saved >= every:
                    _keep(self.result(), checkpoint)
                    last_saved = time.perf_counter()
        run = self.result()
        if checkpoint is not None:
            _keep(run, checkpoint)
        return run

    def _evaluate(self, *, apart: bool = False) -> _Evaluated:
        """Losses and gradients here; with those of the batches if they are wanted ``apart``."""
        config, rule = self.config, self.rule
        weights, biases = list(self.model.weights), list(self.model.biases)
        attention = self.rba

        def attend(residual: Tensor) -> Tensor:
            nonlocal attention
            attention = rba.update(self.rba, residual, decay=rule.decay, rate=rule.rate, normalization=rule.normalization)
            return attention**rule.power

        factor = None if config.weighting is None else attend
        try:
            residual, grads, batch_grads = self.residual_term(weights, biases, factor, apart=apart)
        except Exception as error:
            if not self.compiled:
                raise
            first = (str(error).splitlines() or [""])[0]
            warnings.warn(
                f"torch.compile failed ({type(error).__name__}: {first[:200]}): training goes on without, more slowly",
                stacklevel=2,
            )
            self.compiled = False
            self._set_points(self.points)
            residual, grads, batch_grads = self.residual_term(weights, biases, factor, apart=apart)
        if config.weighting is None:
            attend(residual)
            loss_residual = residual.square().mean()
        else:
            loss_residual = rba.weighted_square(attention, residual, power=rule.power).mean()
        loss_data, data_grads = self.data_term(weights, biases, scale=config.data_weight)
        loss = loss_residual + config.data_weight * loss_data
        return _Evaluated(loss, residual, loss_data, attention, grads, data_grads, batch_grads)

    def _advance(self) -> bool:
        """One Adam step; False, and nothing changed, if the loss is not finite."""
        here = self.ready or self._evaluate()
        if not torch.isfinite(here.loss):
            return False
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate(self.step)
        torch.cat([(a + b).flatten() for a, b in zip(here.grads, here.data_grads, strict=True)], out=self.theta.grad)
        self.optimizer.step()
        self.rba = here.attention
        self.step += 1
        self.ready = None
        return True

    def _probed(self) -> bool:
        return bool(self.history) and self.history[-1]["step"] == self.step

    def _probe(self, bar: tqdm) -> bool:
        """Measure everything at this step, with the RBA weights that the step will use; False if the loss is not finite."""
        config, problem = self.config, self.problem
        here = self.ready = self._evaluate(apart=True)
        loss, residual, loss_data, weights = here.loss, here.residual, here.loss_data, here.attention
        if not torch.isfinite(loss):
            return False
        stats = snr.statistics(*(snr.by_layer(g, biases=config.biases) for g in (here.batch_grads, here.data_grads)))
        where = self.points.double().cpu().numpy()
        error = float("nan")
        if self.test_points is not None:
            error = evaluation.relative_l2(evaluation.predict(self.model, self.test_points), self.test_values)
        self.history.append(
            {
                "step": self.step,
                "loss": float(loss),
                "loss_residual": float((residual.double() ** 2).mean()),
                "loss_data": float(loss_data),
                "rel_l2": error,
                "snr": stats.snr,
                "snr_layers": np.array(stats.snr_layers),
                "snr_residual": stats.snr_residual,
                "signal": stats.signal,
                "noise": stats.noise,
                "signal_layers": np.array(stats.signal_layers),
                "noise_layers": np.array(stats.noise_layers),
                "signal_residual": stats.signal_residual,
                "signal_data": stats.signal_data,
                "snr_adam": snr.adam(self.optimizer),
                "adam_step": snr.adam_step(self.optimizer),
                "order_gradient": stats.order,
                "order_residual": order.spatial_order(where, residual.double().cpu().numpy(), problem.domain),
                "order_weights": order.spatial_order(where, weights.double().cpu().numpy(), problem.domain),
                "rba_mean": float(weights.double().mean()),
                "rba_max": float(weights.max()),
                "wall_time": self._wall_time(),
            }
        )
        bar.set_postfix(loss=f"{float(loss):.2e}", rel_l2=f"{error:.3g}", snr=f"{stats.snr:.2g}", refresh=False)
        return True

    def _snapshot(self) -> None:
        self.snapshots.append((self.step, _array(self.theta), _array(self.rba)))

    def _wall_time(self) -> float:
        return self.wall_before + time.perf_counter() - self.started

    def _state(self) -> dict[str, np.ndarray]:
        own = self.optimizer.state.get(self.theta, {})
        moments = {name: _array(own.get(name, torch.zeros_like(self.theta))) for name in ("exp_avg", "exp_avg_sq")}
        return {"step": np.array(self.step), "parameters": _array(self.theta), "rba": _array(self.rba), **moments}

    def restore(self, run: Run) -> None:
        """Take over a run's state, history and snapshots."""
        state = run.state
        self.theta.data.copy_(self._tensor(state["parameters"]))
        self._set_points(self._tensor(run.points))
        self.rba = self._tensor(state["rba"])
        self.step = run.step
        self.wall_before = float(run.provenance["wall_time"])
        if self.step:
            first, second = (self._tensor(state[name]).clone() for name in ("exp_avg", "exp_avg_sq"))
            done = torch.tensor(float(self.step), device=self.device)
            self.optimizer.state[self.theta] = {"step": done, "exp_avg": first, "exp_avg_sq": second}
        # probes that an uninterrupted run of this length would not have made, such as a shorter run's last, are left out
        wanted = set(self.config.probe_steps().tolist())
        rows = [k for k, s in enumerate(run.history.get("step", ())) if int(s) in wanted]
        self.history = [{name: values[k] for name, values in run.history.items()} for k in rows]
        shots = run.snapshots
        self.snapshots = [(int(s), shots["parameters"][k], shots["rba"][k]) for k, s in enumerate(shots["step"])]

    def result(self, state: dict[str, np.ndarray] | None = None) -> Run:
        """The run so far."""
        problem, n_params = self.problem, self.theta.numel()
        rows, shots = self.history, self.snapshots
        spec = {
            "name": type(problem).__name__.lower(),
            "settings": problem.settings(),
            "coordinates": list(problem.coordinates),
            "fields": list(problem.fields),
        }
        dtype = np.dtype(self.config.dtype)
        return Run(
            config=self.config,
            problem=problem,
            problem_spec=spec,
            history={name: np.array([row[name] for row in rows]) for name in HISTORY},
            points=self.points.cpu().numpy(),
            snapshots={
                "step": np.array([s for s, _, _ in shots], dtype=int),
                "parameters": np.array([p for _, p, _ in shots], dtype=dtype).reshape(-1, n_params),
                "rba": np.array([w for _, _, w in shots], dtype=dtype).reshape(-1, self.config.points),
            },
            state=state or self._state(),
            provenance={
                "pinnlib": __version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                "platform": platform.platform(),
                "device": torch.cuda.get_device_name(self.device)
                if self.device.type == "cuda"
                else f"CPU, {torch.get_num_threads()} threads",
                "path": f"{'compiled' if self.compiled else 'eager'}, {len(self.residual_term.chunks)} chunks",
                "wall_time": self._wall_time(),
            },
        )

    def _diverged(self, good: dict[str, np.ndarray], checkpoint: str | os.PathLike[str] | None) -> TrainingDiverged:
        run = self.result(good)
        where = "in the error's .run"
        if checkpoint is not None:
            where = f"saved to {checkpoint}" if _keep(run, checkpoint) else where
        return TrainingDiverged(
            f"the loss is not a finite number at step {self.step}: the state of step {int(good['step'])} is {where}; "
            f"try a smaller lr than {self.config.lr:g}, or dtype='float64'",
            run,
        )


def _keep(run: Run, path: str | os.PathLike[str]) -> bool:
    """Save a checkpoint; a full disk must not end a training, so it is a warning."""
    try:
        run.save(path)
    except OSError as error:
        warnings.warn(str(error), stacklevel=3)
        return False
    return True


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
