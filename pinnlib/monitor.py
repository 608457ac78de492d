r"""Signal and noise of a training that somebody already has, in plain torch.

The user's own loop stays as it is; at the steps of a probe the monitor evaluates the residual and the other terms of the loss
once more, measures, and leaves everything as it was.  With the B batches' gradients :math:`g_b` as in :mod:`pinnlib.snr`, where
batch b has the mean over its own points and the whole of all other terms, it keeps besides

.. math::

   R = \Big\lVert \operatorname{mean}_b \frac{g_b}{\lVert g_b \rVert} \Big\rVert, \qquad
   A = \frac{B R^2 - 1}{B - 1}, \qquad \mathrm{floor} = \frac{1}{\sqrt{B - 1}} .

A is the mean cosine between the gradients of two different batches: of the B^2 pairs in :math:`B^2 R^2` the B of a batch with
itself have cosine 1.  The floor is the SNR that pure noise gives: of independent gradients of mean zero and variance
:math:`s^2` in all components together, the mean has the square :math:`s^2 / B`, and the standard deviation over the batches
(ddof = 0) has :math:`s^2 (B - 1) / B`; their ratio is :math:`1 / (B - 1)`.  With a term that all batches share it is the floor
of ``snr_residual``.

Source of the SNR: Anagnostopoulos et al., arXiv 2403.18494, section 2.
"""

from __future__ import annotations

import json
import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from . import snr
from .information import binned_entropy, saturation
from .monitoring import networks, sharpness
from .monitoring.batch_gradients import BatchGradients
from .monitoring.given import Places, Points, number, outside, places_of, said, schedule, whole
from .monitoring.loss import Batches, Checked, Loss, Numbers, Pieces, by_equation, checked, squared, total
from .order_parameter import spatial_order
from .phases import Detector, Phases
from .runs import diagnosis, figure, npz
from .runs.diagnosis import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FRESH", "LAYERS", "SERIES", "Loss", "Monitor"]

#: What a probe measures; names that :data:`pinnlib.training.history.HISTORY` has too mean the same here.
SERIES = {
    "step": "steps done",
    "loss": "the loss: mean of weight times squared residual, and all terms",
    "loss_residual": "unweighted mean squared residual, of a system summed over its equations",
    "rel_l2": "what error gives, a relative L2 error; nan without",
    "snr": "signal over noise of the batch gradients",
    "snr_layers": "the same, parameter by parameter",
    "snr_residual": "signal over noise of the residual alone",
    "signal": "norm of the mean batch gradient",
    "noise": "norm of the batch gradients' standard deviation",
    "signal_layers": "signal, parameter by parameter",
    "noise_layers": "noise, parameter by parameter",
    "signal_residual": "signal of the residual alone",
    "signal_terms": "norm of the gradient of all terms together",
    "signal_data": "the same, as a Run calls it; that of one term where it is called data",
    "snr_adam": "Adam's SNR, from its moments; nan for other optimizers",
    "adam_step": "mean size of Adam's step over its learning rate; nan for other optimizers",
    "order_gradient": "gradient order parameter, SNR / sqrt(1 + SNR^2)",
    "order_residual": "order parameter of abs(residual) over 10 cells a side; nan without points",
    "output_spread": "standard deviation of the outputs over the points; nan where the network gives no (n_points, k)",
    "resultant": "R, norm of the mean of the batches' unit gradients",
    "alignment": "A, mean cosine between the gradients of two batches",
    "floor": "the SNR of pure noise, 1 / sqrt(batches - 1)",
    "factor": "by what the squared residuals are multiplied, mean over points and equations",
    "factor_spread": "its standard deviation over the points by its mean, of the equation where this is the largest",
    "wall_time": "seconds since the first call",
}
#: And where ``fresh`` gives residuals at other points.
FRESH = {
    "loss_fresh": "as loss_residual, at points that are not trained on",
    "median_fresh": "median squared residual there, of a system summed over its equations",
    "median_residual": "the same at the points that are trained on",
}
#: And where ``layers`` are chosen, one column a layer.
LAYERS = {
    "input_information": "I(X; T) = H(T) of the layer in bits, with the paper's bins",
    "saturation_range": "percent of its activations at an end of their neuron's own range, as in the paper",
    "saturation_bounds": "percent near the bounds of a torch.nn.Tanh or Sigmoid; nan for others",
}
ALWAYS = ("step", "rel_l2", "snr_adam", "adam_step", "floor", "wall_time")  # what is there where the loss is not finite
FORMAT = "pinnlib monitor, version 1"

BOUNDS: dict[type, str | tuple[float, float]] = {nn.Tanh: "tanh", nn.Sigmoid: (0.0, 1.0)}

Row = dict[str, float | np.ndarray]


class Monitor:
    """Watches a training in plain torch: SNR, phases and order parameters of any network and any loss.

    >>> import torch
    >>> import pinnlib as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    >>> x, optimizer = torch.linspace(0, 1, 32)[:, None], torch.optim.Adam(net.parameters())
    >>> def pde():
    ...     p = x.clone().requires_grad_()
    ...     u = net(p)
    ...     return torch.autograd.grad(u.sum(), p, create_graph=True)[0] + u
    >>> def start():
    ...     return (net(x[:1]) - 1.0).square().mean()
    >>> monitor = pl.Monitor(net, residual=pde, terms={"start": start}, optimizer=optimizer, batches=8, steps=20)
    >>> for step in range(21):
    ...     row = monitor(step)
    ...     optimizer.zero_grad()
    ...     (pde().square().mean() + start()).backward()
    ...     optimizer.step()
    >>> monitor.history["snr_layers"].shape
    (17, 2)

    Nothing of the training changes: gradients, random numbers, buffers and modes are left or put back, so that it has the same
    bits with a monitor and without.  Only what the functions keep themselves, such as a generator of their own, is theirs.  A
    probe costs about two steps for a multilayer perceptron, and for other networks about as much as ``batches`` backward passes,
    as the first one does always.

    Args:
        net: the network, or a list of all that is trained.  Its weight matrices count, as in the paper, one "layer" each: all
            parameters of two dimensions or more.
            Parameters frozen by now are left out; one that a loss does not use, or that is frozen later, has gradient zero.
            A ``torch.nn.Parameter`` in the list, such as an unknown coefficient, is no layer: it counts with ``biases``, and for
            :meth:`sharpness`.
            What is written of outputs and layers is heard where the network is called, by ``net(x)`` and not ``net.forward(x)``.
        residual: a function without arguments that gives the residual of each point, ``(n_points,)`` or ``(n_points, 1)``, or a
            dict of these by equation.
        terms: by name, functions without arguments that give a scalar: all else in the loss, with its weight.
        weights: by which each squared residual is multiplied in your loss: a number or ``(n_points,)``, a dict of these by
            equation, or a function that gives them at each probe; constants to the gradient.  Weights that a step changes before
            it uses them must be given as they will be, see :mod:`pinnlib.rba`.  ``history["loss"]`` must be your own loss: if it
            is not, a weight or a term is missing here.
        loss: in place of these three, one function without arguments that gives all at once, as a :class:`Loss`.
        optimizer: torch's; Adam and AdamW have ``snr_adam`` and ``adam_step``, others nan, see :func:`pinnlib.snr.is_adam`.
        points: of the residual, ``(n_points, d)``, for ``order_residual``; or, where they change, a function without arguments
            that gives them, which each probe calls after ``residual``.
        domain: ``(low, high)`` of each coordinate; the range of ``points`` unless told.
        fresh: a function without arguments that gives the residual at points that are not trained on, for ``loss_fresh``.
        layers: names of modules within ``net`` whose activations are measured, see :data:`LAYERS`; or a function without
            arguments that gives activations ``(n_samples, n_neurons)`` by name.
        error: a function without arguments that gives the relative L2 error, kept as ``rel_l2``: the norm of what is wrong by
            that of the solution, so that the output zero has 1.  The report takes it for that.
        batches: equal parts of the points, in their order.
        shuffle: seed of one permutation of the points before they are cut, where their order means something.
        drop_last: leave out the last points where the batches do not divide them.  Else that is an error at the first probe; at a
            later one, where the points have come to be more or fewer, it warns once and leaves them out.  A probe with fewer
            points than batches has nan.
        biases: count all parameters.
        steps: number of steps of the training; probes are those of :meth:`pinnlib.Config.probe_steps`, the last at ``steps``
            itself, when all are done.
        every: or measure every so many steps.
        at: or at these.

    Attributes:
        how: of the gradients of the batches, ``"rows"``, ``"vmap"`` or ``"loop"``, see
            :mod:`pinnlib.monitoring.batch_gradients`; None before the first probe.
        optimizer: may be changed where the training changes its own.
        seconds: what the last probe took; nan before.

    Raises:
        ValueError: one of these is not as said.
    """

    def __init__(
        self,
        net: nn.Module | Sequence[nn.Module | nn.Parameter],
        *,
        residual: Callable[[], Tensor | Mapping[str, Tensor]] | None = None,
        terms: Mapping[str, Callable[[], Tensor]] | None = None,
        weights: Numbers | Callable[[], Numbers] | None = None,
        loss: Callable[[], Loss] | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        points: Points | Callable[[], Points] | None = None,
        domain: Sequence[tuple[float, float]] | None = None,
        error: Callable[[], float] | None = None,
        fresh: Callable[[], Tensor | Mapping[str, Tensor]] | None = None,
        layers: Sequence[str] | Callable[[], Mapping[str, Tensor]] = (),
        batches: int = 32,
        shuffle: int | None = None,
        drop_last: bool = False,
        biases: bool = False,
        steps: int | None = None,
        every: int | None = None,
        at: Iterable[int] | None = None,
    ) -> None:
        self._modules = networks.modules_of(net)
        self._gradients = BatchGradients(networks.counted(self._modules, biases=biases))
        if any(p.device.type == "mps" for p in self._gradients.parameters):
            raise ValueError(
                "net is on Apple's GPU (mps), which has no float64 to sum squares in: move it to the CPU to watch it"
            )
        self._batches = Batches(batches, shuffle, drop_last)
        self._loss = _loss(residual, terms, weights, loss)
        for name, one in {"error": error, "fresh": fresh}.items():
            if one is not None and not callable(one):
                raise ValueError(f"{said(name, one)}: give a function without arguments that computes it")
        if optimizer is not None and not isinstance(optimizer, torch.optim.Optimizer):
            raise ValueError(f"optimizer is a {type(optimizer).__name__}: give one of torch.optim, or None")
        self.optimizer, self._error, self._fresh = optimizer, error, fresh
        self._layers = layers if callable(layers) else networks.named_layers(self._modules, layers)
        if points is None and domain is not None and loss is None:
            raise ValueError("domain is given without points: give points=, the places of the residual, or leave it out")
        self._domain, self._points = domain, points if callable(points) else None
        self._places = None if points is None or callable(points) else places_of(points, domain)
        self._due = schedule(steps, every, at)
        self._rows: list[Row] = []
        self._warned: set[str] = set()
        self._kinds: _Kinds | None = None
        self._detector = Detector()
        self._began = math.nan
        self.seconds = math.nan

    @property
    def how(self) -> str | None:
        """How the batches' gradients are computed."""
        return self._gradients.how

    @property
    def history(self) -> dict[str, np.ndarray]:
        """One row a probe by name, see :data:`SERIES`: ``(n_probes,)``, or ``(n_probes, n_layers)`` for those by layer.

        Besides ``loss_<equation>`` of a system, without weights, and ``loss_<term>`` and ``signal_<term>``, with theirs; and
        :data:`FRESH` and :data:`LAYERS`, where asked for.
        """
        names = self._rows[0] if self._rows else SERIES
        return {name: np.array([row[name] for row in self._rows], int if name == "step" else float) for name in names}

    @property
    def phases(self) -> Phases:
        """The phases so far, by :class:`pinnlib.phases.detector.Detector`."""
        return self._detector.phases

    def __call__(self, step: int) -> Row | None:
        """Measure, if a probe is due; call it before each step of the training, before its loss is computed.

        Args:
            step: how many steps were done.

        Returns:
            The row of the history, or None.

        Raises:
            ValueError: a step that was measured or lies before one that was; residual, weights, terms or batches that do
                not fit; a network by ``torch.compile`` whose graph allows one pass only.
        """
        step = self._checked(step)
        return self._take(step) if self._due(step) else None

    def measure(self, step: int) -> Row:
        """Measure, whether a probe is due or not; as :meth:`__call__` else."""
        return self._take(self._checked(step))

    def _checked(self, step: int) -> int:
        """A step that may be measured."""
        self._began = time.perf_counter() if math.isnan(self._began) else self._began
        step = whole("step", step, 0, "give a whole number from 0 on")
        last = self._rows[-1]["step"] if self._rows else -1
        if step <= last:
            what = "was measured already" if step == last else f"lies before step {last:,}, which was measured already"
            raise ValueError(f"step {step:,} {what}: give steps that increase, and make a new Monitor for a new training")
        return step

    def _take(self, step: int) -> Row:
        self._wait()
        start = time.perf_counter()
        row = self._measured(step)
        self._wait()
        self.seconds = time.perf_counter() - start
        row["wall_time"] = time.perf_counter() - self._began
        self._rows.append(row)
        self._detector.update(step, float(row["snr"]))
        return row

    def report(self) -> Report:
        """What the training does, in sentences, what to try, and what the numbers do not say; ``print`` it.

        Raises:
            ValueError: there is no probe yet.
        """
        return diagnosis.diagnose(self.history, [] if self._kinds is None else list(self._kinds.terms))

    def plot(self) -> Figure:
        """Loss, error and SNR over the steps, with the phases.

        Returns:
            The :class:`matplotlib.figure.Figure`, to change or to save by its ``savefig``.
        """
        title = f"{len(self._gradients.parameters)} weight matrices, {self._batches.count} batches, {len(self._rows)} probes"
        like: Any = SimpleNamespace(history=self.history, config=SimpleNamespace(describe=lambda: title))
        return figure.figure(like)

    def sharpness(self, *, adam: bool = False, tolerance: float = 1e-2) -> float:
        """Largest eigenvalue of the loss's Hessian by all trainable parameters, by products of the Hessian with vectors.

        It costs about as much as three times its products, some ten or twenty, in steps of the training.

        Args:
            adam: as Adam feels it, with its moments, to compare with :func:`pinnlib.curvature.threshold`.
            tolerance: relative, see :func:`pinnlib.curvature.largest_eigenvalue`.

        Raises:
            ValueError: an optimizer that is not Adam or AdamW, or has made no step.
            ArithmeticError: the tolerance was not met; in float32 it cannot be much smaller than unless told.
        """
        if adam and self.optimizer is None:
            raise ValueError("adam=True needs Adam's moments: give the monitor its optimizer")
        with networks.undisturbed(self._modules), torch.enable_grad():
            loss, parameters = total(checked(self._loss())), networks.trainable(self._modules)
            return sharpness.largest(loss, parameters, self.optimizer if adam else None, tolerance)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the history to one npz file without pickle; a file that is there is replaced only by a whole one.

        Raises:
            OSError: it cannot be written.
        """
        history = self.history
        header = {"format": FORMAT, "series": list(history), "probes": len(history["step"])}
        arrays = {f"history/{name}": values for name, values in history.items()}
        return npz.write(path, {"header": np.array(json.dumps(header)), **arrays}, "the history")

    @staticmethod
    def load_history(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
        """The history in a file that :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            OSError: it may not be read.
            ValueError: it is damaged, or of another kind.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no history at {path}: check the path, or write one with monitor.save")
        try:
            arrays = npz.read(path)
            header = json.loads(str(arrays.pop("header")))
            if header["format"] != FORMAT:
                raise ValueError(f"its format is {header['format']!r} and not {FORMAT!r}")
            history = {name.removeprefix("history/"): values for name, values in arrays.items()}
            if "series" in header:  # which the first files lack
                lengths = {name: len(values) for name, values in history.items()}
                if lengths != dict.fromkeys(header["series"], header["probes"]):
                    raise ValueError(f"it has not {header['probes']} probes of each of its {len(header['series'])} series")
            return history
        except OSError:  # it cannot be read, which says nothing of what is in it
            raise
        except Exception as error:  # whatever a damaged or foreign file may lead to
            raise ValueError(f"{path} is not a monitor's history or is damaged ({npz.why(error)}): write it again") from error

    def _measured(self, step: int) -> Row:
        """A row; everything that can be wrong is found before anything is kept."""
        found = self._evaluated()
        with np.errstate(all="ignore"):
            row, norms = self._row(step, found)
        self._kinds = found.kinds
        if not (math.isfinite(float(row["loss"])) and np.isfinite(norms).all()):
            n, few = found.n_points, found.n_points < self._batches.count
            what = (
                f"the residual has {n} points, too few for its batches," if few else "residual, terms or gradients are not finite"
            )
            self._warn("few" if few else "finite", f"{what} at step {step:,}: this probe has nan, and so will others like it")
            row |= {name: np.asarray(value) * math.nan for name, value in row.items() if name not in ALWAYS}
        return row

    def _evaluated(self) -> _Found:
        """Residual, terms, error and all gradients, without a trace."""
        chosen = {} if callable(self._layers) else self._layers
        with networks.undisturbed(self._modules), torch.enable_grad():
            with networks.listening(self._modules, chosen) as heard:
                loss = checked(self._loss())
            rows = slice(loss.first, loss.first + loss.n_points)
            layers = self._layers() if callable(self._layers) else heard.layers(loss.rows, rows)
            kinds = _Kinds(tuple(loss.residuals), tuple(loss.terms), tuple(layers))
            self._check(kinds)
            places = self._located(loss)
            own, apart = self._grads(loss)
            error = math.nan if self._error is None else number(self._error())
            fresh = None if self._fresh is None else squared(by_equation(self._fresh())).detach().double().cpu().numpy()
        squares = {name: r.detach().double().square().cpu().numpy() for name, r in loss.residuals.items()}
        values = {name: float(term.detach()) for name, term in loss.terms.items()}
        weighted = float(loss.each.detach().double().mean()), loss.weighting()
        measured = _measure_layers(layers, chosen) if layers else {}
        if fresh is not None:
            own_median = float(np.median(np.sum(list(squares.values()), axis=0)))
            measured |= dict(zip(FRESH, (float(fresh.mean()), float(np.median(fresh)), own_median), strict=True))
        return _Found(*weighted, squares, values, own, apart, error, heard.spread(loss.rows, rows), places, measured, kinds)

    def _located(self, loss: Checked) -> Places | None:
        """Where the points of the residual are; None where nobody said, or where those that were given are not they any more."""
        places = self._places
        if loss.points is not None or self._points is not None:
            given: Any = self._points() if loss.points is None and self._points is not None else loss.points
            places = places_of(given, self._domain)
        if places is None or len(places[0]) == loss.n_points:
            return places
        what = f"residual has {loss.n_points} values and there are {len(places[0])} points"
        if not self._rows:
            raise ValueError(f"{what}: give the points of the residual")
        self._warn("points", f"{what}, so order_residual is nan: where the points change, give points= a function")
        return None

    def _order(self, loss: Checked) -> Tensor | None:
        """Of the points, as :meth:`Batches.order`; a number that comes to be wrong does not end a training of hours."""
        n, count = loss.n_points, self._batches.count
        order = self._batches.order(loss, strict=not self._rows)
        over = self._batches.over(n)
        if n > count and over and not self._batches.drop_last:
            self._warn(
                "batches",
                f"residual has {n} points now, which {count} batches do not divide: the last {over} are left out, and from "
                "now on all that are over, as drop_last=True does",
            )
        return order

    def _warn(self, about: str, sentence: str) -> None:
        """Once about each thing, at the line that called the monitor."""
        if about not in self._warned:
            self._warned.add(about)
            warnings.warn(sentence, stacklevel=outside())

    def _grads(self, loss: Checked) -> tuple[list[Tensor], dict[str, list[Tensor]]]:
        """Of the batches, ``(batches, size)`` a parameter; and of each term, ``(size,)`` a parameter."""
        numbers = order = self._order(loss)
        apart = {name: self._gradients.of(term) for name, term in loss.terms.items()}
        if loss.n_points < self._batches.count:
            return [p.new_full((self._batches.count, p.numel()), math.nan) for p in self._gradients.parameters], apart
        if loss.rows != loss.n_points:
            numbers = loss.first + (torch.arange(loss.n_points, device=loss.each.device) if order is None else order)
        own = self._gradients.of_batches(self._batches.means(loss, order), loss.rows, numbers)
        if own is None:
            count = len(self._gradients.parameters)
            raise ValueError(f"residual depends on none of net's {count} parameters that count: give the net that it uses")
        return own, apart

    def _row(self, step: int, found: _Found) -> tuple[Row, np.ndarray]:
        """All of :data:`SERIES`, and what is named by equation and term; and the norms that it is made of."""
        shared = [torch.stack(one).sum(0) for one in zip(*found.apart.values(), strict=True)] if found.apart else None
        norms = snr.norms(found.own, shared).cpu().numpy()
        stats, square = snr.Statistics.of(norms), np.sum(list(found.squares.values()), axis=0)
        batches, resultant = len(found.own[0]), _resultant(found.own, shared)
        of_adam = (math.nan, math.nan) if self.optimizer is None else (snr.adam(self.optimizer), snr.adam_step(self.optimizer))
        row: Row = {
            "step": step,
            "loss": found.loss + sum(found.terms.values()),
            "loss_residual": float(square.mean()),
            "rel_l2": found.error,
            "snr": stats.snr,
            "snr_layers": np.array(stats.snr_layers),
            "snr_residual": stats.snr_residual,
            "signal": stats.signal,
            "noise": stats.noise,
            "signal_layers": np.array(stats.signal_layers),
            "noise_layers": np.array(stats.noise_layers),
            "signal_residual": stats.signal_residual,
            "signal_terms": stats.signal_data,
            "signal_data": stats.signal_data,
            "snr_adam": of_adam[0],
            "adam_step": of_adam[1],
            "order_gradient": stats.order,
            "order_residual": math.nan
            if found.places is None
            else spatial_order(found.places[0], np.sqrt(square), found.places[1]),
            "output_spread": found.spread,
            "resultant": resultant,
            "alignment": (batches * resultant**2 - 1.0) / (batches - 1.0),
            "floor": 1.0 / math.sqrt(batches - 1.0),
            "factor": found.weighting[0],
            "factor_spread": found.weighting[1],
            "wall_time": math.nan,
        }
        row |= found.measured
        row |= {f"loss_{name}": float(one.mean()) for name, one in found.squares.items() if name}
        row |= {f"loss_{name}": value for name, value in found.terms.items()}
        return row | {f"signal_{name}": _length(grads) for name, grads in found.apart.items()}, norms

    def _check(self, kinds: _Kinds) -> None:
        """That equations, terms and layers are those of the history."""
        if self._kinds is None:
            _check_names([name for name in kinds.equations if name], kinds.terms)
            if not callable(self._layers) and len(kinds.layers) < len(self._layers):
                silent = next(name for name in self._layers if name not in kinds.layers)
                raise ValueError(
                    f"layer {silent!r} gave no (n_points, n_neurons) while the residual was computed: choose another, or give a "
                    "function that computes the activations"
                )
        elif self._kinds != kinds:
            raise ValueError(f"there are {kinds} and there were {self._kinds} before: give the same at each step")

    def _wait(self) -> None:
        """Until the GPU is done, so that time means something."""
        if self._gradients.parameters[0].device.type == "cuda":
            torch.cuda.synchronize(self._gradients.parameters[0].device)


@dataclass(frozen=True)
class _Kinds:
    """What a loss is made of, by name."""

    equations: tuple[str, ...]
    terms: tuple[str, ...]
    layers: tuple[str, ...]

    def __str__(self) -> str:
        return f"the equations {self.equations}, terms {self.terms} and layers {self.layers}"


@dataclass(frozen=True)
class _Found:
    """What a probe evaluates.

    Attributes:
        loss: mean of weight times squared residual.
        weighting: mean and spread of these weights.
        squares: squared residuals ``(n_points,)`` by equation.
        terms: value of each term.
        own: gradients of the batches ``(batches, size)`` a layer.
        apart: of each term, its gradient ``(size,)`` a layer.
        error: relative L2, that error gives.
        spread: of the outputs.
        places: points and their domain.
        measured: series of :data:`FRESH` and :data:`LAYERS`.
        kinds: what it is made of.
    """

    loss: float
    weighting: tuple[float, float]
    squares: dict[str, np.ndarray]
    terms: dict[str, float]
    own: list[Tensor]
    apart: dict[str, list[Tensor]]
    error: float
    spread: float
    places: Places | None
    measured: Row
    kinds: _Kinds

    @property
    def n_points(self) -> int:
        """Points of the residual."""
        return len(next(iter(self.squares.values())))


def _loss(
    residual: Callable[[], Tensor | Mapping[str, Tensor]] | None,
    terms: Mapping[str, Callable[[], Tensor]] | None,
    weights: Numbers | Callable[[], Numbers] | None,
    loss: Callable[[], Loss] | None,
) -> Callable[[], Loss]:
    """What gives the parts of the loss."""
    if loss is None:
        if residual is None:
            raise ValueError("there is nothing to watch: give residual=, or loss=")
        pieces = Pieces(residual, {} if terms is None else terms, weights)
        _check_names((), pieces.terms)
        return pieces
    if not (residual is None and terms is None and weights is None):
        raise ValueError("loss is given beside residual, terms or weights: it has them all, so leave these out")
    if not callable(loss):
        raise ValueError(f"loss is a {type(loss).__name__}: give a function without arguments that gives a pinnlib.monitor.Loss")
    return loss


def _measure_layers(activations: Mapping[str, Tensor | np.ndarray], modules: Mapping[str, nn.Module]) -> Row:
    """The series of :data:`LAYERS`, ``(n_layers,)`` each."""
    rows = []
    for name, given in activations.items():
        t = given.detach() if isinstance(given, Tensor) else given
        bounds = BOUNDS.get(type(modules.get(name)))
        near = math.nan if bounds is None else saturation(t, by="bounds", bounds=bounds)
        rows.append((binned_entropy(t), saturation(t), near))
    return dict(zip(LAYERS, np.array(rows).T, strict=True))


def _resultant(own: Sequence[Tensor], shared: Sequence[Tensor] | None) -> float:
    """R of the module's text; nan where a batch has no gradient."""
    whole = [g.double() if shared is None else g.double() + shared[k].double() for k, g in enumerate(own)]
    lengths = torch.stack([g.square().sum(1) for g in whole]).sum(0).sqrt()
    return math.sqrt(sum(float((g / lengths[:, None]).mean(0).square().sum()) for g in whole))


def _length(grads: Iterable[Tensor]) -> float:
    return math.hypot(*(float(torch.linalg.vector_norm(g.double())) for g in grads))


def _series(equations: Iterable[str], terms: Iterable[str]) -> list[str]:
    """Names of what is named by equation and by term."""
    return [f"loss_{name}" for name in equations] + [f"{what}_{name}" for name in terms for what in ("loss", "signal")]


def _check_names(equations: Iterable[str], terms: Iterable[str]) -> None:
    """That no two series have one name; a term may be called data."""
    for name in (*equations, *terms):
        if not isinstance(name, str) or not name:
            raise ValueError(f"a term or an equation is called {name!r}: give it a word, such as 'inlet'")
    own = _series(equations, terms)
    for one in own:
        if own.count(one) > 1 or (one in SERIES | FRESH | LAYERS and one != "signal_data"):
            raise ValueError(
                f"a term or an equation is called {one.partition('_')[2]!r}, and so two series are {one!r}: give it another name"
            )
