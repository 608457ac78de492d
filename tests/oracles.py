"""What the tests of problems compare by."""

import numpy as np
import torch


def gradient(value, theta):
    return torch.autograd.grad(value, theta, allow_unused=True, materialize_grads=True)[0]


def close(a, b, tolerance=1e-11):
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    return float((a - b).norm()) <= tolerance * float(b.norm()) + 1e-14


def same(a, b, parts=("history", "snapshots", "state")):
    """Two runs agree bit for bit in everything but the clock."""
    for part in parts:
        x, y = getattr(a, part), getattr(b, part)
        assert x.keys() == y.keys()
        for name in x:
            assert name == "wall_time" or np.array_equal(x[name], y[name], equal_nan=True), f"{part}/{name}"
