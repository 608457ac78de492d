"""An activation on all streams of a layer, as text: what :mod:`pinnlib.taylor.layers` computes, written out for one plan.

Each formula is a pair of a name and an expression in names that were given before it: ``s0, s1, ...`` are the streams
in front of the activation, ``h0, h1, ...`` those behind it, ``g0, g1, ...`` the gradients of these and ``d0, d1, ...`` the
gradients of the streams in front.  C++ and Python read the same expressions, so :mod:`pinnlib.taylor.native` and
:mod:`pinnlib.taylor.fused` put them into what they compile.
"""

from __future__ import annotations

from collections.abc import Callable

from .partials import Plan, Products

__all__ = ["KEEPS_VALUE", "SLOPES", "Formula", "backward", "forward"]

Formula = tuple[str, str]

#: The first five derivatives, f1 to f5, from z, called ``z``, f(z), called ``f0``, and those before.
SLOPES = {
    "tanh": ("1 - f0 * f0", "-2 * f0 * f1", "f1 * (4 - 6 * f1)", "f2 * (4 - 12 * f1)", "f3 * (4 - 12 * f1) - 12 * f2 * f2"),
    "sine": ("cosine(z)", "-f0", "-f1", "f0", "f1"),
    "softplus": ("logistic(z)", "f1 * logistic(-z)", "f2 * (1 - 2 * f1)", "f2 * (1 - 6 * f2)", "f3 * (1 - 12 * f2)"),
}
#: Activations whose slopes follow from f(z) alone.
KEEPS_VALUE = ("tanh",)


def forward(activation: str, plan: Plan, number: Callable[[float], str] = repr, order: int | None = None) -> list[Formula]:
    """f's derivatives up to ``order`` and all ``h``, from ``f0`` and the streams; ``number`` writes a constant."""
    lines = [(f"f{m}", text) for m, text in enumerate(SLOPES[activation][: order or max(plan.order, 1)], 1)]
    lines.append(("h0", "f0"))
    for k in range(1, plan.n_streams):
        for m, products in plan.products[k].items():
            lines.append((f"p{k}_{m}", _sum(products, number)))
        terms = [f"f1 * s{k}", *(f"f{m} * p{k}_{m}" for m in plan.products[k])]
        lines.append((f"h{k}", " + ".join(terms)))
    return lines


def backward(activation: str, plan: Plan, number: Callable[[float], str] = repr) -> list[Formula]:
    """All ``d``, behind the formulas of the forward pass, with one derivative more."""
    terms = [[f"f1 * g{a}"] for a in range(plan.n_streams)]
    for k in range(1, plan.n_streams):
        terms[0].append(f"f2 * g{k} * s{k}")
        for m in plan.products[k]:
            terms[0].append(f"f{m + 1} * g{k} * p{k}_{m}")
            for a, slope in plan.slopes[k][m].items():
                terms[a].append(f"f{m} * g{k} * ({_sum(slope, number)})")
    own = [(f"d{a}", " + ".join(parts)) for a, parts in enumerate(terms)]
    return [*forward(activation, plan, number, plan.order + 1), *own]


def _sum(products: Products, number: Callable[[float], str]) -> str:
    return " + ".join(" * ".join([*([number(c)] if c != 1.0 else []), *(f"s{k}" for k in f)]) for c, f in products)
