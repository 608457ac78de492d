"""pinnlib: what a physics-informed neural network does while it learns.

``problem -> train(problem, config) -> Run -> snr / phases / information / order -> figures``
"""

import os
import sys

# Threads that wait for each other soon let go of their core instead of spinning on it.  Beside other work a step is several
# times as fast; on an idle machine machine code loses nothing and torch's own operations up to a fifth.  GCC's library of
# threads reads this when torch loads it.
if "torch" not in sys.modules and not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
    os.environ["GOMP_SPINCOUNT"] = "2000"

__version__ = "0.1.0"

from . import (
    book,
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
from .training import TrainingDiverged, branch, forecast, resume, train, train_ensemble

__all__ = [
    "RBA",
    "Config",
    "Problem",
    "Run",
    "TrainingDiverged",
    "book",
    "branch",
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
