"""Where the phases of a training lie, read from a series alone: rules, boundaries, and series to try the rules on."""

from . import events
from .boundaries import Boundary, Phases
from .detector import Detector, detect
from .running import running_quantiles
from .stopping import StopWhen

__all__ = ["Boundary", "Detector", "Phases", "StopWhen", "detect", "events", "running_quantiles"]
