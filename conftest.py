"""Settings of the notebook tests: what is compared and what is not."""

import os
import sys
from pathlib import Path

os.environ.setdefault("DDE_BACKEND", "pytorch")  # without, DeepXDE writes its choice into the home folder


def pytest_configure(config):
    if getattr(config.option, "nbval_sanitize_with", None) is None:
        config.option.nbval_sanitize_with = str(Path(__file__).parent / "tests" / "nbval.cfg")


def pytest_collectstart(collector):
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr", "text/html", "image/svg+xml")


def pytest_collection_finish():
    if "deepxde" in sys.modules:  # it has new tensors made on a GPU, where there is one: of the tests of everything else too
        import torch

        torch.set_default_device(None)
