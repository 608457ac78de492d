"""Settings of the unit tests."""

import os

import pytest
import torch

# Tiny tensors gain nothing from a second thread, and lose much where the machine is busy.
torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Slow tests first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """``once(name, fill)``: a folder that ``fill(folder)`` has filled, once for all processes of this run of the tests."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def folder(name, fill):
        import fcntl

        made, done, failed = base / name, base / f"{name}.done", base / f"{name}.failed"
        with open(base / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the others wait for the first one
            if failed.exists():
                pytest.fail(f"{name}: see what the first test says that asked for it")
            if not done.exists():
                made.mkdir()
                failed.touch()
                fill(made)
                failed.rename(done)
        return made

    return folder
