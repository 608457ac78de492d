"""The pass of :mod:`pinnlib.taylor.eager` in machine code: a C++ text made from the plan, compiled once a machine.

The text in ``native.cpp`` walks through the network tile by tile; here it gets its formulas.  They are those
of :mod:`pinnlib.taylor.formulas`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from math import prod
from operator import attrgetter

import torch
from torch import Tensor

from . import formulas, parameters, toolchain
from .activations import Activation
from .partials import Plan

__all__ = ["P", "Q", "Pass", "library", "supports"]

REALS = {torch.float32: "float", torch.float64: "double"}
# tanh x = x p(x^2) / q(x^2) to 2e-8 for abs(x) <= 9.02, where it is 1 in float32; least squares, reweighted to equal errors
P = (0.999999979, 0.133796721, 3.49397902e-3, 2.05825436e-5, 1.33177583e-8)
Q = (1.0, 0.467129874, 2.58708644e-2, 3.28300077e-4, 7.76148334e-7)

Kind = tuple[tuple[int, ...], torch.dtype, bool]  # of a tensor: its shape, and whether it is on a CPU
_KIND = attrgetter("shape", "dtype", "is_cpu")


def supports(activation: Activation, dtype: torch.dtype) -> bool:
    """Whether there are formulas for it."""
    return activation.name in formulas.SLOPES and dtype in REALS


@cache
def library(activation: str, plan: Plan, dtype: torch.dtype) -> ctypes.CDLL:
    """The compiled pass.

    Raises:
        toolchain.BuildError: there is no compiler, or it failed.
    """
    text = files("pinnlib.taylor").joinpath("native.cpp").read_text().replace("@plan@", _plan_text(activation, plan, dtype))
    return toolchain.build(text)


def _plan_text(activation: str, plan: Plan, dtype: torch.dtype) -> str:
    """The part of the C++ text that depends on the plan."""
    rows = [[0.0] * plan.n_coordinates for _ in range(plan.n_streams)]
    for row, op in zip(rows[1:], plan.operators, strict=True):
        for index, c in op.terms:
            if len(index) == 1:
                row[index[0]] = c
    kept = activation in formulas.KEEPS_VALUE
    directions = ", ".join("{" + ", ".join(map(repr, row)) + "}" for row in rows)
    return f"""typedef {REALS[dtype]} real;
typedef real vec __attribute__((vector_size(BYTES)));
typedef real loose __attribute__((vector_size(BYTES), aligned(sizeof(real))));  // anywhere in memory
constexpr long L = BYTES / sizeof(real);
constexpr int S = {plan.n_streams};
constexpr bool EMBEDDED = {"true" if plan.embedding else "false"};
constexpr real DIRECTIONS[S][{plan.n_coordinates}] = {{{directions}}};

{_value(activation, dtype)}

// streams z to h; returns what the backward pass keeps in place of z[0]
vec rise(const vec* s, vec* h) {{
  const vec z = s[0], f0 = value(z);
  {_lines(formulas.forward(activation, plan, _number), "s", plan.n_streams)}
  {_store("h", plan.n_streams)}
  return {"f0" if kept else "z"};
}}

// streams z (the first as kept) and gradients of h to h and gradients of z
void fall(const vec* s, const vec* g, vec* h, vec* dz) {{
  {"const vec f0 = s[0];" if kept else "const vec z = s[0], f0 = value(z);"}
  {_lines(formulas.backward(activation, plan, _number), "sg", plan.n_streams)}
  {_store("h", plan.n_streams)}
  {_store("d", plan.n_streams, "dz")}
}}"""


def _number(c: float) -> str:
    return f"real({c!r})"


def _lines(lines: Sequence[formulas.Formula], given: str, n: int) -> str:
    known = [(f"{name}{k}", f"{name}[{k}]") for name in given for k in range(n) if (name, k) != ("s", 0)]
    return "\n  ".join(f"const vec {name} = {text};" for name, text in [*known, *lines])


def _store(name: str, n: int, to: str | None = None) -> str:
    return " ".join(f"{to or name}[{k}] = {name}{k};" for k in range(n))


def _value(activation: str, dtype: torch.dtype) -> str:
    """f(z): ``vec value(vec)``."""
    lanes = """template <typename F>
vec each(F f, vec z) {
  vec y;
  for (long i = 0; i < L; ++i) y[i] = f(z[i]);
  return y;
}
"""
    if activation == "sine":
        return (
            lanes
            + """vec cosine(vec z) { return each([](real x) -> real { return std::cos(x); }, z); }
vec value(vec z) { return each([](real x) -> real { return std::sin(x); }, z); }"""
        )
    if activation == "softplus":
        return (
            lanes
            + """vec logistic(vec z) { return each([](real x) -> real { return 1 / (1 + std::exp(-x)); }, z); }
vec value(vec z) {
  return each([](real x) -> real { return (x > 0 ? x : 0) + std::log1p(std::exp(x > 0 ? -x : x)); }, z);
}"""
        )
    if dtype is torch.float64:
        return lanes + "vec value(vec z) { return each([](real x) -> real { return std::tanh(x); }, z); }"
    return f"""vec within(vec x, real bound) {{
  x = x > bound ? vec{{}} + bound : x;  // nan stays nan
  return x < -bound ? vec{{}} - bound : x;
}}
vec value(vec z) {{
  const vec x = within(z, real(9.02)), y = x * x;
  return within(x * {_horner(P)} / {_horner(Q)}, real(1));
}}"""


def _horner(coefficients: Sequence[float]) -> str:
    text = f"real({coefficients[-1]!r})"
    for c in coefficients[-2::-1]:
        text = f"({text} * y + real({c!r}))"
    return text


class Pass:
    """Forward and backward for points of one shape; arguments and methods as in :class:`pinnlib.taylor.eager.Pass`.

    Machine code reads and writes memory as the shapes given here say, so every tensor is held against them first.

    Raises:
        toolchain.BuildError: there is no compiler, or it failed.
        ValueError: sizes that begin with another number of inputs than the plan's; an activation or dtype without formulas.
    """

    def __init__(
        self,
        batch: Sequence[int],
        n_points: int,
        sizes: Sequence[int],
        activation: Activation,
        plan: Plan,
        like: Tensor,
        *,
        lead: int = 0,
    ) -> None:
        self.sizes, self.lead, self.plan = list(sizes), lead, plan
        if not supports(activation, like.dtype):
            raise ValueError(f"{activation.name} in {like.dtype}: machine code is for {tuple(formulas.SLOPES)} in {tuple(REALS)}")
        own, n_params = tuple(batch[:lead]), parameters.count(sizes)
        each = [(*own, *shape) for shape in parameters.shapes(sizes)]
        # what is needed: (shape, dtype, on a CPU), of points, weights, biases and of gradients, weights
        given = [plan.points_shape(batch, n_points, sizes), *each]
        back = [(*batch, plan.n_streams, n_points, sizes[-1]), (*own, n_params), *each[: len(sizes) - 1]]
        self._forward_needs, self._backward_needs = ([(shape, like.dtype, True) for shape in s] for s in (given, back))
        self._apart_needs = [((*batch, n_params), like.dtype, True)]
        self.library = library(activation.name, plan, like.dtype)
        threads, members, batches = torch.get_num_threads(), prod(batch[:lead]), prod(batch[lead:])
        # parts of a batch, so that all threads have as much to do
        pieces = members * batches
        split = next(k for k in range(1, 8 * threads + 1) if pieces * k % threads == 0 or pieces * k >= 8 * threads)
        self.split = max(min(split, n_points), 1)
        self._shape = (ctypes.c_long * (6 + len(sizes)))(threads, members, batches, n_points, self.split, len(sizes) - 1, *sizes)
        needs = (ctypes.c_long * 3)()
        self.library.needs(self._shape, needs)
        self._packed, self.kept, self._scratch = (torch.empty(n, dtype=like.dtype, device=like.device) for n in needs)
        self.out = torch.empty(*batch, plan.n_streams, n_points, sizes[-1], dtype=like.dtype, device=like.device)
        self._points: Tensor | None = None  # of the last forward pass
        self._stride = 0
        self._addresses, self._strides = ctypes.c_void_p * len(each), ctypes.c_long * len(each)
        self._memory = [_address(tensor) for tensor in (self._packed, self._scratch, self.kept, self.out)]

    def forward(self, points: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
        """The output's streams ``(*batch, n_streams, n_points, n_fields)``, valid until the next call.

        Raises:
            ValueError: points, weights or biases of another number, shape, dtype or device than this pass is for.
        """
        given = [*weights, *biases]
        if (found := _kinds([points, *given])) != self._forward_needs:
            self._refuse(["points", *self._names(weights=weights, biases=biases)], found, self._forward_needs)
        if self.plan.embedding:  # all streams of a point, one behind the other
            points = self.plan.embedding.streams(points, self.plan).transpose(-3, -2).flatten(-2)
        self._points, self._stride = _members(points, self.lead, points.ndim - self.lead)
        n = len(weights)
        if self.lead:
            members = [_members(p, self.lead, 2 if k < n else 1) for k, p in enumerate(given)]
        else:
            members = [(p.contiguous(), 0) for p in given]
        self.library.forward(
            self._shape,
            _address(self._points),
            ctypes.c_long(self._stride),
            self._addresses(*[p.data_ptr() for p, _ in members]),
            self._strides(*[stride for _, stride in members]),
            *self._memory,
        )
        return self.out

    def backward(self, g: Tensor, weights: Sequence[Tensor], total: Tensor, apart: Tensor | None = None) -> None:
        """Add the gradients that ``g`` brings; see :meth:`pinnlib.taylor.eager.Pass.backward`.

        ``weights`` are those of the last forward pass, which keeps them.

        Raises:
            ValueError: tensors of another number, shape, dtype or device than this pass is for, a ``total`` that is not
                contiguous, an ``apart`` whose numbers share memory, or no forward pass before.
        """
        if (found := _kinds([g, total, *weights])) != self._backward_needs:
            self._refuse(["g", "total", *self._names(weights=weights)], found, self._backward_needs)
        if not total.is_contiguous():
            raise ValueError(
                f"total of shape {tuple(total.shape)} has strides {total.stride()}: this pass needs contiguous memory"
            )
        if self._points is None:
            raise ValueError(f"g of shape {tuple(g.shape)} without a forward pass before: call forward first")
        own: Tensor | None = None
        row, g = 0, g.contiguous()
        if apart is not None:
            if (found := _kinds([apart])) != self._apart_needs:
                self._refuse(["apart"], found, self._apart_needs)
            if any(n > 1 and not stride for n, stride in zip(apart.shape, apart.stride(), strict=True)):
                raise ValueError(
                    f"apart of shape {tuple(apart.shape)} has strides {apart.stride()}: give each number its own memory"
                )
            own = apart
            if self.split > 1 or not _dense(apart, self.lead):
                shape = self.out.shape[:-3]
                own = apart.new_zeros(*shape[: self.lead], prod(shape[self.lead :]) * self.split, apart.shape[-1])
            row = _members(own, self.lead, own.ndim - self.lead)[1]
        self.library.backward(
            self._shape,
            _address(self._points),
            ctypes.c_long(self._stride),
            *self._memory[:3],
            _address(g),
            _address(total),
            None if own is None else _address(own),
            ctypes.c_long(row),
        )
        if apart is not None and own is not None and own is not apart:
            apart += own.unflatten(self.lead, (-1, self.split)).sum(self.lead + 1).view(apart.shape)

    def _names(self, **given: Sequence[Tensor]) -> list[str]:
        """A name for each parameter; refuses another number of them than layers."""
        n = len(self.sizes) - 1
        for name, tensors in given.items():
            if len(tensors) != n:
                raise ValueError(f"{len(tensors)} {name}: this pass needs {n}, one a layer of a network of sizes {self.sizes}")
        return [f"{name}[{k}]" for name in given for k in range(n)]

    def _refuse(self, names: Sequence[str], found: Sequence[Kind], needs: Sequence[Kind]) -> None:
        """Say which tensor does not fit; a parameter may also lack the leading axes, and is then shared."""
        for name, kind, need in zip(names, found, needs, strict=True):
            shared = (need[0][self.lead :], *need[1:]) if "[" in name else need
            if kind not in (need, shared):
                raise ValueError(f"{name} of {_say(kind)}: this pass needs {_say(need)}")


def _kinds(tensors: Sequence[Tensor]) -> list[Kind]:
    """Of each tensor; without a loop in Python, as every pass does it."""
    return list(map(_KIND, tensors))


def _say(kind: Kind) -> str:
    shape, dtype, is_cpu = kind
    return f"shape {tuple(shape)}, {dtype}, {'on a CPU' if is_cpu else 'not on a CPU'}"


def _members(tensor: Tensor, lead: int, own: int) -> tuple[Tensor, int]:
    """A tensor whose last ``own`` axes are contiguous, and how far apart two members are along its ``lead`` first axes."""
    if tensor.ndim == own or not lead:
        return tensor.contiguous(), 0
    if lead > 1 or not _dense(tensor, lead):
        tensor = tensor.contiguous()
    return tensor, tensor.stride(lead - 1)


def _dense(tensor: Tensor, lead: int) -> bool:
    return lead <= 1 and tensor[(0,) * lead].is_contiguous()


def _address(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())
