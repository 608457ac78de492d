"""pinnlib: what a physics-informed neural network does while it learns.

``problem -> train(problem, config) -> Run -> snr / phases / information / order -> figures``
"""

__version__ = "0.1.0"

from . import (
    claims,
    crossings,
    curvature,
    derivatives,
    evaluation,
    information,
    order,
    phases,
    problems,
    rba,
    records,
    sampling,
    snr,
    surrogates,
    verdicts,
    weightings,
)
from .config import Config
from .problems import Problem
from .rba import RBA
from .runs import Run
from .training import TrainingDiverged, forecast, resume, train, train_ensemble

__all__ = [
    "RBA",
    "Config",
    "Problem",
    "Run",
    "TrainingDiverged",
    "claims",
    "crossings",
    "curvature",
    "derivatives",
    "evaluation",
    "forecast",
    "information",
    "order",
    "phases",
    "problems",
    "rba",
    "records",
    "resume",
    "sampling",
    "snr",
    "surrogates",
    "train",
    "train_ensemble",
    "verdicts",
    "weightings",
]
