"""pinnlib: what a physics-informed neural network does while it learns.

``problem -> train(problem, config) -> Run -> snr / phases / information / order -> figures``
"""

import os
import sys
from importlib import import_module
from types import ModuleType

# Threads that wait for each other soon let go of their core instead of spinning on it.  Beside other work a step is several
# times as fast; on an idle machine machine code loses nothing and torch's own operations up to a fifth.  GCC's library of
# threads reads this when torch loads it.
if "torch" not in sys.modules and not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
    os.environ["GOMP_SPINCOUNT"] = "2000"

from . import book, curvature, evaluation, information, models, monitor, phases, problems, rba, sampling, snr, weightings
from . import order_parameter as order
from .book import claims, records
from .book import scorecard as verdicts
from .comparison import Comparison, compare
from .config import Config
from .monitor import Monitor
from .phases import StopWhen, crossings, surrogates
from .problems import Condition, Problem, Unknown
from .rba import RBA
from .runs import Run
from .taylor import propagation as derivatives
from .training import TrainingDiverged, branch, forecast, resume, train, train_ensemble
from .version import __version__

__all__ = [
    "RBA",
    "Comparison",
    "Condition",
    "Config",
    "Monitor",
    "Problem",
    "Run",
    "StopWhen",
    "TrainingDiverged",
    "Unknown",
    "__version__",
    "book",
    "branch",
    "claims",
    "compare",
    "crossings",
    "curvature",
    "derivatives",
    "evaluation",
    "figures",  # noqa: F822 (on demand, below)
    "forecast",
    "information",
    "models",
    "monitor",
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


def __getattr__(name: str) -> ModuleType:
    """``pinnlib.figures`` on demand: matplotlib takes a second to load, and a training does not need it.

    Raises:
        AttributeError: there is no such name.
    """
    if name == "figures":
        return import_module(".book.figures", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
