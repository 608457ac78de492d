"""Networks that somebody else trains: which parameters count, what they give at their layers, and how to leave no trace."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .given import said

__all__ = ["Alone", "Heard", "counted", "listening", "modules_of", "named_layers", "trainable", "undisturbed"]


class Alone(nn.ParameterList):
    """A parameter that was given beside the networks, such as an unknown coefficient: it is trained, and is no layer."""


def modules_of(net: nn.Module | Sequence[nn.Module | nn.Parameter]) -> list[nn.Module]:
    """One network or several as a list, parameters among them as :class:`Alone`.

    Raises:
        ValueError: something else.
    """
    several = isinstance(net, Sequence) and not isinstance(net, str)
    found: list[Any] = list(net) if several else [net]  # type: ignore[arg-type]
    if not found or not all(isinstance(one, nn.Module | nn.Parameter) for one in found):
        kinds = " and ".join(sorted({type(one).__name__ for one in found})) or "nothing"
        what = f"{said('net', net)} of {kinds}" if several else said("net", net)
        raise ValueError(f"{what}: give a torch.nn.Module, or a list of these and of torch.nn.Parameter")
    return [Alone([one]) if isinstance(one, nn.Parameter) else one for one in found]


def trainable(modules: Sequence[nn.Module]) -> list[nn.Parameter]:
    """The parameters that are not frozen, each once and in order."""
    return list({id(p): p for one in modules for p in one.parameters() if p.requires_grad}.values())


def counted(modules: Sequence[nn.Module], *, biases: bool) -> list[nn.Parameter]:
    """The parameters that count: weight matrices, or all with ``biases``; frozen ones are left out.

    Raises:
        ValueError: there are none, or complex ones.
    """
    every = trainable(modules)
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in every):
        raise ValueError(
            "net has layers that do not know their sizes yet: call it once on some points, and then make the monitor"
        )
    if any(p.is_complex() for p in every):
        raise ValueError("net has complex parameters: give it two real ones for each, its real and its imaginary part")
    layers = {id(p) for p in trainable([one for one in modules if not isinstance(one, Alone)]) if p.ndim >= 2}
    found = [p for p in every if biases or id(p) in layers]
    if not found:
        hint = "give biases=True to count the others" if every else "give the network that is trained"
        raise ValueError(f"net has {len(every)} trainable parameters and no weight matrix among them: {hint}")
    return found


@contextmanager
def undisturbed(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Put back afterwards what evaluating a network may change: random states, buffers, train or eval mode.

    The random states are those of torch (CPU and CUDA), numpy and Python that everybody shares; a generator of one's own is not
    known here.
    """
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    torch_state, numpy_state, python_state = torch.get_rng_state(), np.random.get_state(), random.getstate()
    every = [(module, module.training) for one in modules for module in one.modules()]
    buffers = [(m, name, b, b.detach().clone()) for m, _ in every for name, b in m._buffers.items() if b is not None]
    # a graph that was made before may hold a buffer: a copy is changed in its place, one for all modules that share it
    stand_ins = {id(buffer): buffer.detach().clone() for _, _, buffer, _ in buffers}
    for module, name, buffer, _ in buffers:
        module._buffers[name] = stand_ins[id(buffer)]
    try:
        yield
    finally:
        for module, training in every:
            module.training = training
        with torch.no_grad():
            for module, name, buffer, copy in buffers:
                module._buffers[name] = buffer
                if not torch.equal(buffer, copy):
                    buffer.copy_(copy)
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)


class Heard:
    """What networks gave at their outputs and at some of their layers: the first of each number of rows."""

    def __init__(self) -> None:
        self._outputs: dict[int, dict[int, np.ndarray]] = {}
        self._layers: dict[str, dict[int, np.ndarray]] = {}

    def spread(self, n_rows: int, rows: slice) -> float:
        """Standard deviation over the points of the networks' outputs, root mean square over all of them.

        Args:
            n_rows: of the evaluation.
            rows: of these, the points.

        Returns:
            nan where nothing was heard.
        """
        heard = [own[n_rows][rows] for own in self._outputs.values() if n_rows in own]
        return float(np.sqrt(np.mean(np.concatenate([out.var(0) for out in heard])))) if heard else math.nan

    def layers(self, n_rows: int, rows: slice) -> dict[str, np.ndarray]:
        """Activations ``(n_points, n_neurons)`` by name, of the layers that were heard."""
        return {name: own[n_rows][rows] for name, own in self._layers.items() if n_rows in own}


@contextmanager
def listening(modules: Sequence[nn.Module], layers: Mapping[str, nn.Module]) -> Iterator[Heard]:
    """Take down what networks and layers give; what is no tensor ``(n_rows, k)`` is left out."""
    heard = Heard()

    def taker(kept: dict, name: int | str) -> Callable[..., None]:
        own = kept.setdefault(name, {})

        def take(module: nn.Module, given: object, out: object) -> None:
            out = out[0] if isinstance(out, tuple | list) and out else out
            if not isinstance(out, Tensor) or out.ndim not in (1, 2) or len(out) in own:
                return
            # inside of torch.func a tensor may stand for a whole batch of them, and then has no values to copy
            with suppress(RuntimeError, TypeError):
                own[len(out)] = out.detach().double().cpu().numpy().copy().reshape(len(out), -1)

        return take

    hooks = [one.register_forward_hook(taker(heard._outputs, k)) for k, one in enumerate(modules)]
    hooks += [one.register_forward_hook(taker(heard._layers, name)) for name, one in layers.items()]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


def named_layers(modules: Sequence[nn.Module], names: Sequence[str]) -> dict[str, nn.Module]:
    """The modules of these names within the networks; of several networks with their number before, as ``"0.hidden"``.

    Raises:
        ValueError: there is none of a name.
    """
    several = len(modules) > 1
    every = [
        (f"{k}.{name}" if several else name, one) for k, net in enumerate(modules) for name, one in net.named_modules() if name
    ]
    found = {}
    for name in names:
        if name not in dict(every):
            known = ", ".join(repr(other) for other, _ in every) or "none"
            raise ValueError(f"layers has {name!r} and net has no layer of that name: choose among {known}, or give a function")
        found[name] = dict(every)[name]
    return found
