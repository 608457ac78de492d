"""Taylor mode against nested autograd, in float64."""

import itertools

import pytest
import torch

from pinnlib import derivatives, models, problems
from pinnlib.taylor import activations, toolchain
from pinnlib.taylor.embeddings import Embedding, Waves

ACTIVATIONS = ("tanh", "sine", "softplus")
TOLERANCE = 1e-10


def make(activation, outputs=1, inputs=2, seed=0):
    model = models.MLP(inputs, outputs, width=13, depth=3, activation=activation, seed=seed, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():  # biases start at zero; move them, so that a lost bias shows
        for bias in model.biases:
            bias.copy_(0.5 * torch.randn(bias.shape, generator=generator, dtype=torch.float64))
    points = 2.0 * torch.rand(40, inputs, generator=generator, dtype=torch.float64) - 1.0
    return model, points


def nested(model, points, field, indices):
    """The slow obvious twin: autograd of autograd."""
    x = points.clone().requires_grad_()
    value = model(x)[:, field]
    for i in indices:
        value = torch.autograd.grad(value.sum(), x, create_graph=True)[0][:, i]
    return value


def relative(a, b):
    return float(((a - b).norm() / b.norm()).detach())


def parameter_gradient(model, loss):
    grads = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True, materialize_grads=True)
    return torch.cat([g.flatten() for g in grads])


COMPILED = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")
NATIVE = pytest.param("tanh", "native", marks=COMPILED)
PATHS = [*((a, "eager") for a in ACTIVATIONS), *(pytest.param(a, "native", marks=COMPILED) for a in ACTIVATIONS)]
LETTERS = ["".join(c) for order in range(5) for c in itertools.combinations_with_replacement("xy", order)]


@pytest.mark.parametrize(("activation", "path"), [*((a, "eager") for a in ACTIVATIONS), NATIVE])
@pytest.mark.parametrize("letters", LETTERS)
def test_every_partial_and_its_parameter_gradient(activation, path, letters):
    model, points = make(activation)
    name = f"u_{letters}" if letters else "u"
    d = derivatives.evaluate(model, points, derivatives.plan(("x", "y"), ("u",), (name,)), path=path)
    fast, slow = getattr(d, name), nested(model, points, 0, ["xy".index(c) for c in letters])
    assert relative(fast, slow) <= TOLERANCE
    # a loss that is not linear in the partial, so that the upstream gradient differs from point to point
    assert relative(*(parameter_gradient(model, (v**2 + torch.sin(v)).mean()) for v in (fast, slow))) <= TOLERANCE


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_operator_is_the_sum_of_its_partials(activation):
    model, points = make(activation, outputs=2)
    terms = {"v_xx": 2.0, "v_xy": -0.7, "v_yy": 0.3, "v_x": -1.5}
    plan = derivatives.plan(("x", "y"), ("u", "v"), ("u", "v_y"), {"mixed_v": terms})
    d = derivatives.evaluate(model, points, plan)
    slow = sum(c * nested(model, points, 1, ["xy".index(i) for i in t[2:]]) for t, c in terms.items())
    assert relative(d.mixed_v, slow) <= TOLERANCE
    fast_loss = (d.mixed_v**2 + d.u * d.v_y).mean()
    slow_loss = (slow**2 + nested(model, points, 0, []) * nested(model, points, 1, [1])).mean()
    assert relative(parameter_gradient(model, fast_loss), parameter_gradient(model, slow_loss)) <= TOLERANCE


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_helmholtz_residual_and_its_gradient(activation):
    problem = problems.Helmholtz(a=(4, 1), k=1.0)
    model, points = make(activation)
    fast = problem.residual(points, derivatives.evaluate(model, points, problem.plan))
    laplace = nested(model, points, 0, [0, 0]) + nested(model, points, 0, [1, 1])
    slow = laplace + problem.k**2 * model(points)[:, 0] - problem.forcing(points)
    assert relative(fast, slow) <= TOLERANCE
    assert relative(*(parameter_gradient(model, (r**2).mean()) for r in (fast, slow))) <= TOLERANCE


@pytest.mark.parametrize(("activation", "path"), [*((a, "eager") for a in ACTIVATIONS), NATIVE])
def test_a_stream_function_and_its_third_derivatives(activation, path):
    """Momentum of Navier-Stokes with u = psi_y, v = -psi_x: the laplacian of u is one stream of third order."""
    model, points = make(activation, outputs=2)
    operators = {"laplace_u": {"s_xxy": 1.0, "s_yyy": 1.0}}
    plan = derivatives.plan(("x", "y"), ("s", "p"), ("s_x", "s_y", "s_xy", "s_yy", "p_x"), operators)
    assert plan.n_streams == 7  # the value, 2 first partials, 3 second, 1 operator
    d = derivatives.evaluate(model, points, plan, path=path)
    s = {name: nested(model, points, 0, ["xy".index(c) for c in name]) for name in ("x", "y", "xy", "yy", "xxy", "yyy")}
    fast = d.s_y * d.s_xy - d.s_x * d.s_yy + d.p_x - 0.01 * d.laplace_u
    slow = s["y"] * s["xy"] - s["x"] * s["yy"] + nested(model, points, 1, [0]) - 0.01 * (s["xxy"] + s["yyy"])
    assert relative(fast, slow) <= TOLERANCE
    assert relative(*(parameter_gradient(model, (r**2).mean()) for r in (fast, slow))) <= TOLERANCE


@pytest.mark.parametrize(("activation", "path"), PATHS)
def test_the_biharmonic_operator(activation, path):
    """A plate under a load that follows it: one stream of fourth order, whatever it sums."""
    model, points = make(activation)
    terms = {"u_xxxx": 1.0, "u_xxyy": 2.0, "u_yyyy": 1.0}
    plan = derivatives.plan(("x", "y"), ("u",), ("u",), {"biharmonic_u": terms})
    assert plan.n_streams == 1 + 2 + 3 + 4 + 1  # all partials below the fourth order, and the operator
    d = derivatives.evaluate(model, points, plan, path=path)
    slow = sum(c * nested(model, points, 0, ["xy".index(i) for i in name[2:]]) for name, c in terms.items())
    fast, slow = d.biharmonic_u + d.u**2, slow + nested(model, points, 0, []) ** 2
    assert relative(fast, slow) <= TOLERANCE
    assert relative(*(parameter_gradient(model, (r**2).mean()) for r in (fast, slow))) <= TOLERANCE


def test_points_that_require_gradients_are_refused():
    model, points = make("tanh")
    d = derivatives.evaluate(model, points.requires_grad_(), derivatives.plan(("x", "y"), ("u",), ("u",)))
    with pytest.raises(ValueError, match="ask the plan"):
        d.u.sum().backward()


def test_the_laplacian_costs_one_stream():
    assert problems.Helmholtz().plan.n_streams == 4
    assert derivatives.plan(("x", "y"), ("u",), ("u", "u_xx", "u_yy")).n_streams == 5
    assert derivatives.plan(("x", "t"), ("u",), ("u", "u_x"), {"p": {"u_t": 1.0, "u_xx": -1e-4}}).n_streams == 3


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_batches_with_their_own_weights_are_the_same_as_one_by_one(activation):
    model, points = make(activation)
    plan = problems.Helmholtz().plan
    cut = points.reshape(4, 10, 2)
    many = derivatives.propagate(
        cut, [w.expand(4, *w.shape) for w in model.weights], [b.expand(4, *b.shape) for b in model.biases], model.activation, plan
    )
    one = torch.stack([derivatives.propagate(c, model.weights, model.biases, model.activation, plan) for c in cut])
    assert torch.allclose(many, one, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_derivatives_by_autograd(activation):
    z = torch.linspace(-6, 6, 101, dtype=torch.float64).requires_grad_()
    a = activations.get(activation)
    got = a.derivatives(z, a.value(z), 5)
    value = got[0]
    for order in (1, 2, 3, 4, 5):
        value = torch.autograd.grad(value.sum(), z, create_graph=True)[0]
        assert torch.allclose(got[order], value, rtol=1e-9, atol=1e-12)


def test_softplus_far_out_is_finite_and_exact():
    z = torch.tensor([-800.0, -50.0, 30.0, 50.0, 800.0], dtype=torch.float64)
    a = activations.get("softplus")
    got = a.derivatives(z, a.value(z), 5)
    assert all(torch.isfinite(g).all() for g in got)
    assert torch.allclose(got[0], torch.logaddexp(z, torch.zeros_like(z)), rtol=1e-14)


@pytest.mark.parametrize("name", ["w", "u_z", "u_xxxxx", "u_", "_x"])
def test_unknown_partial_is_named(name):
    with pytest.raises(ValueError, match="is not a partial derivative"):
        derivatives.plan(("x", "y"), ("u",), (name,))


def test_operator_of_two_fields_is_refused():
    with pytest.raises(ValueError, match="of one field"):
        derivatives.plan(("x", "y"), ("u", "v"), (), {"mixed": {"u_x": 1.0, "v_y": 1.0}})


def test_two_spellings_of_one_partial_add_up():
    model, points = make("tanh")
    plan = derivatives.plan(("x", "y"), ("u",), ("u_xy",), {"twice_u": {"u_xy": 1.0, "u_yx": 1.0}})
    d = derivatives.evaluate(model, points, plan)
    assert torch.allclose(d.twice_u, 2.0 * d.u_xy, rtol=1e-13)


GOOD = {
    "coordinates": ("x", "t"),
    "fields": ("u", "psi"),
    "partials": ("u",),
    "operators": {"heat_u": {"u_t": 1.0, "u_xx": -1.0}},
}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"coordinates": "xt"}, r"coordinates = 'xt' is one string: give a tuple of names, such as \('x', 't'\)"),
        ({"coordinates": "x"}, r"coordinates = 'x' is one string: give a tuple of names, such as \('x',\)"),
        ({"fields": "psi"}, r"fields = 'psi' is one string: give a tuple of names, such as \('psi',\)"),
        ({"partials": "u_xx"}, r"partials = 'u_xx' is one string: give a tuple of names, such as \('u_xx',\)"),
        ({"coordinates": ("x1", "t")}, "coordinate 'x1': name it by a single letter"),
        ({"coordinates": ("", "t")}, "coordinate '': name it by a single letter"),
        ({"coordinates": ("_", "t")}, "coordinate '_': name it by a single letter"),
        ({"coordinates": ("1", "t")}, "coordinate '1': name it by a single letter"),
        ({"coordinates": (0, 1)}, "coordinate 0: name it by a single letter"),
        ({"coordinates": ("x", "x")}, "coordinate 'x' is given 2 times: give each coordinate a name of its own"),
        ({"fields": ("u", "v", "u")}, "field 'u' is given 2 times: give each field a name of its own"),
        ({"fields": ("u", "v w")}, "field 'v w': name it by an identifier that does not begin with _"),
        ({"fields": ("u", "2v")}, "field '2v': name it by an identifier"),
        ({"fields": ("u", "")}, "field '': name it by an identifier"),
        ({"fields": ("u", "_v")}, "field '_v': name it by an identifier that does not begin with _"),
        ({"fields": ("u", "u_x")}, "field 'u_x' is named like a derivative of the field 'u': give it another name"),
        ({"fields": ("u_tx", "u")}, "field 'u_tx' is named like a derivative of the field 'u': give it another name"),
        (
            {"operators": {"psi": {"u_x": 1.0}}},
            "operator 'psi' has the name of a field: give it another name, such as laplace_psi",
        ),
        ({"operators": {"psi_x": {"u_x": 1.0}}}, "operator 'psi_x' is named like a derivative of the field 'psi'"),
        ({"operators": {"u-t": {"u_x": 1.0}}}, "operator 'u-t': name it by an identifier"),
        ({"operators": {"_heat": {"u_x": 1.0}}}, "operator '_heat': name it by an identifier"),
        ({"embedding": Embedding(3, (Waves(0, (0.0, 1.0), 2),))}, "an embedding of 3 coordinates, .* give it n_coordinates = 2"),
    ],
    ids=repr,
)
def test_names_that_cannot_be_read_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        derivatives.plan(**GOOD | wrong)


def test_names_that_look_like_others_but_are_none():
    """The field n beside a coordinate r, names with underscores, and u_y where y is no coordinate."""
    coordinates, fields = ("r", "t"), ("n", "u", "u_y", "n_rate", "p_2")
    plan = derivatives.plan(coordinates, fields, ("n_r", "u_y_r", "n_rate_t", "p_2_rt"), {"laplace_n": {"n_rr": 1.0}})
    assert [plan.names[name][1] for name in plan.names] == [0, 2, 3, 4, 0]


def test_a_partial_that_was_not_asked_for_says_so():
    model, points = make("tanh")
    d = derivatives.evaluate(model, points, derivatives.plan(("x", "y"), ("u",), ("u",)))
    with pytest.raises(AttributeError, match="add 'u_x' to its partials"):
        _ = d.u_x


def test_any_mix_of_requests_gives_the_same_values():
    model, points = make("tanh")
    names = ("u", "u_x", "u_y", "u_xx", "u_xy")
    full = derivatives.evaluate(model, points, derivatives.plan(("x", "y"), ("u",), names))
    for asked in itertools.combinations(names, 2):
        part = derivatives.evaluate(model, points, derivatives.plan(("x", "y"), ("u",), asked))
        assert all(torch.allclose(getattr(part, n), getattr(full, n), rtol=1e-13, atol=1e-14) for n in asked)
