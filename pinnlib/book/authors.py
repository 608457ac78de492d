"""The paper's own runs: what their authors published of them, and their start, rebuilt as their code draws it.

Their scripts seed ``random``, ``numpy`` and ``torch`` with 2341, make the layers one by one as ``torch.nn.Linear``, whose
biases are uniform, draw each weight matrix anew from Xavier's normal distribution, and take collocation points from the
Latin hypercube of pyDOE.  Begun there, two updates give the signal and the noise that they published, to six digits or
more.

:data:`PUBLISHED` has a few numbers of each run, :func:`series` its curves in at most 60 parts, computed by :func:`reduce` from
the result files in github.com/soanagno/diffusion-equilibrium, state of August 2026 (MIT licence, (c) 2024 Sokratis
Anagnostopoulos).  Probes are taken after a step, with the RBA weights that the step used.

Source: the code beside arXiv 2403.18494 (MIT licence), read for its order of random numbers.  Introduced in the chapter
on the authors' runs.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import torch

from ..config import Config
from ..phases.boundaries import Boundary, Phases
from ..problems import AllenCahn, Helmholtz
from ..problems.base import Problem
from ..problems.conditions import Condition
from ..rba import RBA
from ..training.starts import RECIPES, Start

__all__ = ["NAMES", "Bursts", "PUBLISHED", "SEED", "Published", "Series", "gap", "parting", "reduce", "series", "start"]

SEED = 2341
NAMES = ("allen_cahn", "helmholtz")
PARTS = 60  # of a curve, equal in the logarithm of the step, from 1 to 300,000


@dataclass(frozen=True)
class Bursts:
    """What is large where the SNR is above 1.

    Attributes:
        probes: how many are compared with the quiet around them.
        signal: median ratio of the signal.
        noise: of the noise.
        loss: of the loss.
        rel_l2: of the error.
    """

    probes: int
    signal: float
    noise: float
    loss: float
    rel_l2: float


@dataclass(frozen=True)
class Published:
    """Numbers of one of the authors' runs; steps are Adam's, errors relative L2.

    Attributes:
        two: signal and noise after two updates.
        below: first step whose error is below a level, by level; a level that is not reached is missing.
        errors: error by step.
        collapse: first step at which the residual's mean square, without weights, is a tenth of that at the start.
        fitting_end: where fitting ends, drawn by hand in their figures.
        total_diffusion: where total diffusion starts, drawn by hand in their figures.
        phases: what :func:`pinnlib.phases.detector.detect` finds in the whole published series, probe by probe.
        crossings: the first fall and the first rise in it, by :func:`pinnlib.phases.crossings.first`.
        bursts: from the start of total diffusion on, how many probes with an SNR above 1 are compared with the quiet around them,
            and the median ratios of signal, noise, loss and error, by :func:`pinnlib.phases.events.in_bursts`, of the whole
            published series.  The loss is as they kept it: weighted, but in ``helmholtz_rba``.  None where the SNR stays above 1.
    """

    fitting_end: int
    total_diffusion: int
    phases: Phases
    crossings: Phases
    two: tuple[float, float] | None = None
    below: Mapping[float, int] = field(default_factory=dict)
    errors: Mapping[int, float] = field(default_factory=dict)
    collapse: int | None = None
    bursts: Bursts | None = None


_MARKS = (1_000, 2_000, 4_000, 6_000, 8_000, 10_000, 12_000, 13_000, 16_000, 20_000, 40_000, 60_000, 80_000, 100_000)


def _found(end: tuple[int, ...] = (), rise: tuple[int, ...] = (), last: int = 300_000, *, below: bool = False) -> Phases:
    """From (step, low, high) of both boundaries."""
    return Phases(Boundary(*end) if end else None, Boundary(*rise) if rise else None, last, starts_below=below)


def _at_marks(*errors: float) -> dict[int, float]:
    return dict(zip(_MARKS, errors, strict=True))


#: By benchmark and weighting.
PUBLISHED = {
    "allen_cahn_vanilla": Published(
        fitting_end=150,
        total_diffusion=91_700,
        phases=_found((136, 110, 186)),
        crossings=_found((142, 130, 154), (59_400, 59_300, 59_400)),
        two=(67.89977, 0.97551423),
        below={0.9: 54_300, 0.5: 91_100, 0.1: 110_800},
        errors=_at_marks(
            0.9857, 0.9897, 0.9937, 0.9924, 0.9929, 0.9927, 0.9963, 0.9962, 0.9958, 0.9923, 0.9934, 0.5425, 0.5143, 0.1536
        ),
        bursts=Bursts(484, 214.15, 1.19, 1.13, 1.00),
    ),
    "allen_cahn_rba": Published(
        fitting_end=150,
        total_diffusion=11_100,
        phases=_found((114, 94, 160), (9_200, 6_900, 14_700)),
        crossings=_found((116, 108, 134), (3_200, 3_100, 3_200)),
        two=(6.361269, 1.890902e-6),
        below={0.9: 44, 0.5: 11_100, 0.1: 14_600},
        errors=_at_marks(
            0.7654, 0.7413, 0.598, 0.5762, 0.5284, 0.5163, 0.2381, 0.1401, 0.07612, 0.04392, 0.01788, 0.01093, 0.008338, 0.006735
        ),
        bursts=Bursts(442, 160.65, 1.43, 4.05, 1.00),
    ),
    "helmholtz_vanilla": Published(
        fitting_end=180,
        total_diffusion=19_000,
        phases=_found((), (16_700, 13_500, 21_300), 288_800, below=True),
        crossings=_found((), (16_900, 16_000, 17_000), 288_800, below=True),
        two=(16.78924, 330.7753),
        below={0.5: 32_300, 0.1: 87_000},
        errors=_at_marks(1.503, 2.242, 2.207, 1.552, 2.205, 2.208, 2.208, 2.221, 5.021, 1.447, 0.3391, 0.207, 0.1156, 0.1446),
        collapse=15_100,
        bursts=Bursts(278, 32.09, 1.54, 2.17, 1.06),
    ),
    "helmholtz_rba": Published(
        fitting_end=70,
        total_diffusion=1_000,
        phases=_found((46, 34, 58), (900, 700, 1_000)),
        crossings=_found((44, 42, 48), (800, 600, 800)),
        two=(5.091924, 8.3716487e-4),
        below={0.9: 1_000, 0.5: 1_200, 0.1: 12_500},
        errors=_at_marks(
            0.7298, 0.2684, 0.2059, 0.1679, 0.1223, 0.1196, 0.1055, 0.1064, 0.0888, 0.127, 0.1162, 0.04536, 0.03642, 0.04914
        ),
        collapse=800,
        bursts=Bursts(356, 871.97, 2.81, 11.88, 1.15),
    ),
    "cavity_re1000_vanilla": Published(
        fitting_end=150,
        total_diffusion=20_000,
        phases=_found(),
        crossings=_found(),
        two=(4.274642, 1.818141e-2),
        bursts=Bursts(57, 3.17, 1.00, 1.00, 1.00),
    ),
    "cavity_re1000_rba": Published(
        fitting_end=150,
        total_diffusion=20_000,
        phases=_found(),
        crossings=_found((222_600, 222_300, 222_600), (224_000, 222_900, 224_100)),
        two=(5.044337, 6.781258e-7),
        below={0.5: 36_300, 0.1: 151_300},
        bursts=Bursts(270, 2.08, 1.00, 1.01, 1.00),
    ),
    "cerebral_rba": Published(
        fitting_end=600, total_diffusion=30_000, phases=_found(last=125_020), crossings=_found(last=125_020)
    ),
}


@dataclass(frozen=True)
class Series:
    """A run's curves in parts, one row a part; quantiles over the probes in it.

    Attributes:
        first: first step of a part ``(n,)``.
        last: its last step ``(n,)``.
        probes: how many it has ``(n,)``.
        snr: 10%, 50% and 90% of signal over noise ``(n, 3)``.
        signal: of the signal ``(n, 3)``.
        noise: of the noise ``(n, 3)``.
        above: share of the probes whose SNR is above 1 ``(n,)``.
        rel_l2: median error ``(n,)``; nan where none was taken.
        order: median of the order parameter phi_R of the points' RBA weights ``(n,)``; nan where none was taken.
        whole_phases: of a published series, as :class:`Published` has them.
        whole_crossings: likewise.
    """

    first: np.ndarray
    last: np.ndarray
    probes: np.ndarray
    snr: np.ndarray
    signal: np.ndarray
    noise: np.ndarray
    above: np.ndarray
    rel_l2: np.ndarray
    order: np.ndarray
    whole_phases: Phases | None = None
    whole_crossings: Phases | None = None

    def share_above(self, low: float, high: float) -> float:
        """Share of probes whose SNR is above 1, in the parts whose middle lies between two steps."""
        inside = (self.step >= low) & (self.step <= high)
        return float(np.average(self.above[inside], weights=self.probes[inside]))

    @property
    def step(self) -> np.ndarray:
        """The middle of each part, on a logarithmic axis."""
        return np.sqrt(self.first * self.last)

    @property
    def history(self) -> dict[str, np.ndarray]:
        """The medians as the history of a run would have them, for :mod:`pinnlib.book.claims`; ``(n,)`` each.

        Without their order parameter, which is of the weights, and not over the same cells in all runs.
        """
        return {
            "step": self.step,
            "snr": self.snr[:, 1],
            "signal": self.signal[:, 1],
            "noise": self.noise[:, 1],
            "rel_l2": self.rel_l2,
        }


def reduce(
    step: np.ndarray,
    signal: np.ndarray,
    noise: np.ndarray,
    rel_l2: np.ndarray | None = None,
    order: np.ndarray | None = None,
) -> Series:
    """The curves of any run in the parts that :func:`series` has; so two runs with equal probes are compared like with like.

    Args:
        step: of the probes ``(n,)``; those below step 1 are left out.
        signal: ``(n,)``.
        noise: ``(n,)``.
        rel_l2: errors ``(n,)``, nan where none was taken.
        order: order parameter of the residuals ``(n,)``, likewise.
    """
    nothing = np.full(len(step), np.nan)
    columns = [
        np.asarray(c, dtype=float)
        for c in (signal, noise, nothing if rel_l2 is None else rel_l2, nothing if order is None else order)
    ]
    part = np.floor(PARTS * np.log(np.maximum(step, 0.5)) / np.log(300_001)).astype(int)
    groups = [np.flatnonzero(part == k) for k in range(PARTS)]
    groups = [group for group in groups if len(group)]

    def three(values: np.ndarray) -> np.ndarray:
        return np.array([_quantiles(values[group], (0.1, 0.5, 0.9)) for group in groups])

    snr = np.divide(columns[0], columns[1], out=nothing.copy(), where=columns[1] > 0)
    above = np.array([np.mean(snr[group] > 1.0) for group in groups])
    middles = [np.array([_quantiles(values[group], (0.5,))[0] for group in groups]) for values in columns[2:]]
    first, last = (np.array([step[group[k]] for group in groups], dtype=int) for k in (0, -1))
    return Series(
        first=first,
        last=last,
        probes=np.array([len(group) for group in groups]),
        snr=three(snr),
        signal=three(columns[0]),
        noise=three(columns[1]),
        above=above,
        rel_l2=middles[0],
        order=middles[1],
    )


def _quantiles(values: np.ndarray, at: tuple[float, ...]) -> np.ndarray:
    values = values[np.isfinite(values)]
    return np.quantile(values, at) if len(values) else np.full(len(at), np.nan)


@cache
def series(name: str) -> Series:
    """The published curves of a run in :data:`PUBLISHED`.

    Raises:
        ValueError: another name.
    """
    if name not in PUBLISHED:
        raise ValueError(f"the authors published no series of {name!r}: choose one of {tuple(PUBLISHED)}")
    lines = files("pinnlib.book").joinpath("authors.csv").read_text().splitlines()
    rows = [row for row in csv.DictReader(line for line in lines if not line.startswith("#")) if row["run"] == name]

    def column(key: str) -> np.ndarray:
        return np.array([float(row[key] or "nan") for row in rows])

    def band(key: str) -> np.ndarray:
        return np.stack([column(f"{key}_{q}") for q in (10, 50, 90)], axis=1)

    return Series(
        first=column("first").astype(int),
        last=column("last").astype(int),
        probes=column("probes").astype(int),
        snr=band("snr"),
        signal=band("signal"),
        noise=band("noise"),
        above=column("above"),
        rel_l2=column("rel_l2"),
        order=column("order"),
        whole_phases=PUBLISHED[name].phases,
        whole_crossings=PUBLISHED[name].crossings,
    )


def gap(ours: Series, theirs: Series) -> tuple[np.ndarray, np.ndarray]:
    """How far two runs are apart, in the parts that have the same probes in both.

    Returns:
        First step of each such part ``(n,)``, and by how much the medians differ, relative to the other's: that of signal or of
        noise, whichever is larger ``(n,)``.
    """
    known = {
        key: k for k, key in enumerate(zip(theirs.first.tolist(), theirs.last.tolist(), theirs.probes.tolist(), strict=True))
    }
    keys = list(zip(ours.first.tolist(), ours.last.tolist(), ours.probes.tolist(), strict=True))
    pairs = np.array([(k, known[key]) for k, key in enumerate(keys) if key in known], dtype=int).reshape(-1, 2)
    middles = [(getattr(ours, name)[pairs[:, 0], 1], getattr(theirs, name)[pairs[:, 1], 1]) for name in ("signal", "noise")]
    return ours.first[pairs[:, 0]], np.max([np.abs(a / b - 1.0) for a, b in middles], axis=0)


def parting(ours: Series, theirs: Series, *, by: float = 0.03, since: int = 20) -> int | None:
    """The first step of the first part from ``since`` on in which two runs are more than ``by`` apart; None if none is.

    The first steps are left out, since the published noise has a rounding error where all batches agree.
    """
    step, apart = gap(ours, theirs)
    found = step[(step >= since) & ~(apart <= by)]
    return int(found[0]) if len(found) else None


def start(name: str, *, weighting: str = "rba", steps: int = 300_000, **settings: Any) -> tuple[Problem, Config]:
    """Problem and settings of one of the authors' runs, ready for ``train``.

    >>> import pinnlib as pl
    >>> problem, config = pl.book.authors.start("helmholtz", weighting="rba", steps=100)
    >>> config.describe()
    "RBA 0.999/0.001, 128 x 6 tanh, 25,600 points, 100 steps, the authors' start"

    Args:
        name: ``"allen_cahn"`` or ``"helmholtz"``, with a = (6, 6).
        weighting: ``"vanilla"`` or ``"rba"``.
        steps: Adam steps; theirs are 300,000.
        settings: of the config, where they are to be others, such as ``perturbation`` and ``seed``.

    Returns:
        The problem, and the config; :func:`pinnlib.training.starts.start` gives network, points and data.

    Raises:
        ValueError: another name or weighting.
    """
    if name not in NAMES:
        raise ValueError(f"the authors' start of {name!r} is not known: choose one of {NAMES}")
    rules = {"vanilla": None, "rba": RBA(normalization="min-max" if name == "helmholtz" else "max")}
    if weighting not in rules:
        raise ValueError(f"weighting {weighting!r}: the authors' runs are {tuple(rules)}")
    problem = AllenCahn() if name == "allen_cahn" else Helmholtz(a=(6, 6), k=1.0)
    own: dict[str, Any] = {
        "width": 128,
        "depth": 6,
        "points": 25_600,
        "data_points": 512 if name == "allen_cahn" else 400,
        "batches": 100,
        "steps": steps,
        "weighting": rules[weighting],
        "start": "authors",
        "probe_every": 100,
        "probe_dense": 300,
        "probe_rba": "used",
    }
    return problem, Config(**own | settings)


def _start(problem: Problem, config: Config) -> Start:
    """The recipe ``"authors"``; only perturbation looks at the config's seed.

    Raises:
        ValueError: biases that are not uniform, or a problem whose start is not known.
    """
    drawing = _drawing(problem)
    if config.bias_init != "uniform":
        raise ValueError(f"bias_init = {config.bias_init!r}: the authors' biases are uniform")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(SEED)  # torch.manual_seed would seed a GPU's too, for good
        weights, biases = [], []
        sizes = [problem.inputs, *[config.width] * config.depth, len(problem.fields)]
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            layer = torch.nn.Linear(n_in, n_out, device="cpu", dtype=torch.float32)
            torch.nn.init.xavier_normal_(layer.weight)
            weights.append(layer.weight.detach().flatten())
            biases.append(layer.bias.detach())
    rng = np.random.RandomState(SEED)
    data = drawing(rng, config.data_points)
    low, high = np.array(problem.domain, dtype=float).T
    if isinstance(problem, AllenCahn):
        high[0] = 1.0 - 2.0 / 512.0  # the last of their 512 places: a strip at x = 1 has no points
    points = low + (high - low) * _hypercube(rng, config.points, len(low))
    return Start(torch.cat([*weights, *biases]).to(config.torch_dtype), points, [Condition("data", data[0], None, data[1])])


def _drawing(problem: Problem) -> Callable[[np.random.RandomState, int], tuple[np.ndarray, np.ndarray]]:
    """What draws the data, before the collocation points are drawn."""
    if isinstance(problem, AllenCahn) and not problem.modes:
        return _initial_values
    if isinstance(problem, Helmholtz):
        return lambda rng, n: _four_sides(problem, rng, n)
    raise ValueError(f"{problem!r}: the authors' start is known for Helmholtz(...) and AllenCahn(); take start='drawn'")


def _initial_values(rng: np.random.RandomState, n: int) -> tuple[np.ndarray, np.ndarray]:
    for _ in range(2):  # boundary points that their loss does not use
        rng.choice(201, 100, replace=False)
    x = np.linspace(-1.0, 1.0, n, endpoint=False)
    return np.stack([x, np.zeros(n)], axis=1), (x**2 * np.cos(np.pi * x))[:, None]


def _four_sides(problem: Helmholtz, rng: np.random.RandomState, n: int) -> tuple[np.ndarray, np.ndarray]:
    nodes = np.linspace(-1.0, 1.0, 1001)
    sides = []
    for axis, value in ((0, -1.0), (1, 1.0), (1, -1.0), (0, 1.0)):
        along = nodes[rng.choice(1001, n // 4, replace=False)]
        sides.append(np.insert(along[:, None], axis, value, axis=1))
    points = np.concatenate(sides)
    return points, problem.solution(points)


def _hypercube(rng: np.random.RandomState, n: int, d: int) -> np.ndarray:
    """A Latin hypercube of the unit cube in pyDOE's order of random numbers."""
    strata = (np.arange(n)[:, None] + rng.rand(n, d)) / n
    return np.stack([strata[rng.permutation(n), k] for k in range(d)], axis=1)


RECIPES["authors"] = _start
