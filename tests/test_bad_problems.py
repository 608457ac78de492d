"""What is wrong with a user's problem is said in one sentence before the first step; what is only unusual is trained."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import pinnlib as pl
from pinnlib.taylor import toolchain

ENDS, ZEROS = np.array([[0.0], [1.0]]), np.zeros((2, 1))
SMALL = {"width": 6, "depth": 1, "points": 16, "data_points": 8, "batches": 4, "steps": 3, "compile": False, "device": "cpu"}
PATHS = [False, pytest.param(True, marks=pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler"))]
MIXES = "other values among others than alone"


def slab(**own):
    """The problem u'' = u - 1 with u(0) = u(1) = 0, but for its ``own`` members; None takes one away."""
    members = {
        "coordinates": ("x",),
        "fields": ("u",),
        "domain": ((0.0, 1.0),),
        "partials": ("u", "u_xx"),
        "residual": lambda self, p, d: d.u_xx - d.u + 1.0,
        "data": lambda self, n, seed: (ENDS, ZEROS),
    }
    return type("Slab", (pl.Problem,), {name: one for name, one in (members | own).items() if one is not None})


def residual(formula, **own):
    return slab(residual=lambda self, p, d: formula(p, d), **own)


def data(points, values, **own):
    return slab(data=lambda self, n, seed: (points, values), **own)


def conditions(*each, **own):
    """Each as arguments of a condition, which is made when the training asks for it."""
    made = [(one, {}) if not isinstance(one[-1], dict) else (one[:-1], one[-1]) for one in each]
    return slab(data=None, conditions=lambda self, n, seed: [pl.Condition(*own, **named) for own, named in made], **own)


def train(problem, **settings):
    return pl.train(problem(), pl.Config(**SMALL | settings), progress=False)


def refused(problem, match, kind=ValueError, **settings):
    """One sentence that says what, and nothing was measured or trained before."""
    seen = []
    with pytest.raises(kind, match=match) as caught:
        pl.train(problem(), pl.Config(**SMALL | settings), progress=False, callback=lambda row, run: seen.append(row))
    assert not seen
    assert len(str(caught.value)) > 20
    return str(caught.value)


def bits(run):
    return run.state["parameters"].tobytes()


# what used to go wrong without a word, one by one


class Line(pl.Problem):
    """u'' = 0 with u(0) = 0 and u(1) = 2."""

    coordinates, fields, domain, partials, resolution = ("x",), ("u",), ((0.0, 1.0),), ("u_xx",), 11

    def __init__(self, values=(0.0, 2.0)):
        self.values = values

    def residual(self, points, d):
        return d.u_xx

    def data(self, n, seed):
        return ENDS, self.values

    def reference(self, points):
        return 2.0 * points


ACCURATE = {"steps": 30, "lr": 1e-2, "finish": "lbfgs", "finish_steps": 40, "dtype": "float64", "probe_every": 1000}


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0.0], [2.0]]),
        np.array([0.0, 2.0]),
        [0.0, 2.0],
        (0, 2),
        [[0], [2]],
        np.array([0, 2]),
        torch.tensor([0.0, 2.0]),
        np.array([0.0, 2.0], dtype=np.float32),
    ],
    ids=["column", "flat", "list", "ints", "lists", "int array", "tensor", "float32"],
)
def test_values_of_one_field_in_any_shape_are_the_same_values(values):
    assert bits(train(lambda: Line(values), dtype="float64")) == bits(train(lambda: Line(ENDS * 2.0), dtype="float64"))


def test_flat_values_give_the_right_answer():
    assert train(lambda: Line(np.array([0.0, 2.0])), **ACCURATE).history["rel_l2"][-1] < 0.01


@pytest.mark.parametrize("points", [[0.0, 1.0], [[0], [1]], np.float32([0, 1]), torch.tensor([[0.0], [1.0]], requires_grad=True)])
def test_points_of_one_coordinate_in_any_shape_are_the_same_points(points):
    assert bits(train(data(points, torch.zeros(2, requires_grad=True)))) == bits(train(slab()))


def test_a_coordinate_as_a_column():
    refused(
        residual(lambda p, d: d.u_xx + torch.sin(p[:, 0:1])),
        r"Slab\.residual has shape .*take coordinates as points\[\.\.\., 0\]",
    )
    refused(residual(lambda p, d: d.u_xx + torch.sin(p[..., 0:1])), r"Slab\.residual .*take coordinates as points\[\.\.\., 0\]")


@pytest.mark.parametrize("batches", [2, 4, 8, 16])
def test_the_first_point_of_each_batch_is_not_all_points(batches):
    refused(residual(lambda p, d: d.u_xx + p[:, 0]), rf"{MIXES}.*not points\[:, 0\]", batches=batches)


@pytest.mark.parametrize("batches", [2, 8])
def test_an_integral_over_the_points_of_a_batch(batches):
    refused(residual(lambda p, d: d.u_xx - d.u.mean(-1, keepdim=True)), rf"{MIXES}.*no mean, sum or integral", batches=batches)


class Decay(pl.Problem):
    """u' = -k u with u = exp(-1.5 t) measured."""

    coordinates, fields, domain, partials = ("t",), ("u",), ((0.0, 2.0),), ("u", "u_t")

    def residual(self, points, d):
        return d.u_t + d.k * d.u

    def data(self, n, seed):
        times = np.linspace(0.0, 2.0, n)
        return times, np.exp(-1.5 * times)


def test_a_coefficient_as_a_parameter_is_refused_and_as_an_unknown_is_found():
    class Parameter(Decay):
        def __init__(self):
            self.k = torch.nn.Parameter(torch.tensor(0.5))

    refused(Parameter, r"Parameter keeps k, a torch parameter that nothing trains: write unknowns = \{'k': 0\.5\}")

    class Unknown(Decay):
        unknowns = {"k": 0.5}

    run = train(Unknown, **ACCURATE | {"finish_steps": 60})
    assert run.unknowns["k"] == pytest.approx(1.5, abs=0.02)
    assert run.history["k"][0] == 0.5


def test_an_argument_without_an_attribute_is_kept():
    class Hidden(Line):
        def __init__(self, alpha=1.0):
            super().__init__()
            self._alpha = alpha

    assert train(lambda: Hidden(3.0)).problem_spec["settings"] == {"alpha": 3.0}


@pytest.mark.parametrize("checkpoint", [False, True])
def test_measurements_as_an_argument_are_saved(tmp_path, checkpoint):
    path, values = tmp_path / "run.npz", np.array([0.0, 2.0])
    run = pl.train(
        Line(values), pl.Config(**SMALL), progress=False, checkpoint=path if checkpoint else None, checkpoint_every=0.0
    )
    run.save(path)
    assert np.array_equal(pl.Run.load(path).problem_spec["settings"]["values"], values)
    with pytest.raises(ValueError, match="was trained with values"):
        pl.Run.load(path, Line(values + 1.0))


def test_a_name_of_ours_is_not_taken_for_ours(tmp_path):
    class Burgers(Line):
        pass

    path = train(Burgers).save(tmp_path / "run.npz")
    assert pl.Run.load(path).problem is None
    assert isinstance(pl.Run.load(path, Burgers()).problem, Burgers)


def test_a_prediction_is_that_of_the_last_step():
    run = pl.train(Line(), pl.Config(**SMALL | {"steps": 500, "lr": 1e-2}), until=240, progress=False)
    assert run.step == 240 > run.snapshots["step"][-1]
    assert np.array_equal(run.predict(ENDS), pl.evaluation.predict(run.final_model(), ENDS))
    assert not np.array_equal(run.predict(ENDS), run.predict(ENDS, snapshot=-1))


FLUX = {"partials": ("u", "u_x", "u_xx"), "observe": lambda self, d: torch.stack([d.u, d.u_x], -1)}


def test_what_observe_reads_belongs_into_observed():
    two = np.zeros((2, 2))
    refused(data(ENDS, two, **FLUX), "u_x.*observed")
    assert train(data(ENDS, two, **FLUX, observed=("u", "u_x"))).complete


class Oscillator(pl.Problem):
    """a' = b, b' = -a, from (0, 1)."""

    coordinates, fields, domain, partials, resolution = ("t",), ("a", "b"), ((0.0, 1.0),), ("a", "b", "a_t", "b_t"), 11
    start = np.array([[0.0, 1.0]])

    def __init__(self, form="dict"):
        self.form = form

    def residual(self, points, d):
        a, b = d.a_t - d.b, d.b_t + d.a
        return {
            "dict": {"first": a, "second": b},
            "list": [a, b],
            "tuple": (a, b),
            "last": torch.stack([a, b], -1),
            "first": torch.stack([a, b], 0),
            "cat": torch.cat([a, b], -1),
            "array": np.zeros(3),
        }[self.form]

    def data(self, n, seed):
        return np.array([[0.0]]), self.start

    def reference(self, points):
        return np.hstack([np.sin(points), np.cos(points)])


@pytest.mark.parametrize("cut", [{}, {"points": 4, "batches": 2}, {"points": 2, "batches": 2}, {"points": 3, "batches": 3}])
@pytest.mark.parametrize("form", ["list", "tuple", "last", "first", "cat", "array"])
def test_equations_of_a_system_are_a_dict(form, cut):
    refused(lambda: Oscillator(form), r"Oscillator\.residual (returns a|has shape|failed).*", **cut)


def test_a_system_as_a_dict_gives_the_right_answer():
    run = train(Oscillator, **ACCURATE)
    assert run.history["rel_l2"][-1] < 0.02
    assert run.history["loss_residual"][-1] == pytest.approx(run.history["loss_first"][-1] + run.history["loss_second"][-1])


@pytest.mark.parametrize("compile", PATHS)
def test_data_of_too_few_columns_or_coordinates(compile):
    class OneColumn(Oscillator):
        start = np.array([[0.0]])

    class Unmeasured(Oscillator):
        start = np.array([[0.0, np.nan]])

    refused(OneColumn, r"OneColumn\.data has values with 1 column, and 2 are observed \(a, b\)", compile=compile)
    refused(Unmeasured, r"data' have nan at \[0, 1\].*leave what was not measured out", compile=compile)
    plane = {"coordinates": ("x", "t"), "domain": ((0.0, 1.0), (0.0, 1.0))}
    refused(data(ENDS, ZEROS, **plane), r"Slab\.data has points of shape \(2, 1\): 2 coordinates \(x, t\)", compile=compile)


@pytest.mark.parametrize("path", ["eager", pytest.param("native", marks=PATHS[1].marks)])
def test_a_pass_refuses_points_of_another_number_of_coordinates(path):
    plan = pl.derivatives.plan(("x", "t"), ("u",), ("u",))
    with pytest.raises(ValueError, match=r"points of shape \(4, 1\).*needs shape \(4, 2\)"):
        pl.derivatives.evaluate(pl.models.MLP(2, 1, width=4, depth=1), torch.zeros(4, 1), plan, path=path)


def test_a_residual_that_is_never_finite_names_a_point():
    refused(
        residual(lambda p, d: d.u_xx + torch.log(-p[..., 0])), r"not a finite number before the first step at 16 of 16 .* x = "
    )
    refused(
        residual(lambda p, d: d.u_xx + torch.sqrt(p[..., 0] - 0.5)), r"not a finite number before the first step at \d+ of 16"
    )


def test_the_interface_says_what_it_wants():
    with pytest.raises(ValueError, match=r"value = 0\.5: a face of the box lies where coordinate 0 is 0 or 1"):
        pl.sampling.face(((0.0, 1.0), (0.0, 1.0)), 5, axis=0, value=0.5, seed=0)
    refused(slab(domain=((0, 1))), r"Slab has the domain \(0, 1\): give \(low, high\) for each of x, such as \(\(0\.0, 1\.0\),\)")
    refused(slab(coordinates=("x1",)), "coordinate 'x1': name it by a single letter")

    class Keywords(Line):
        def __init__(self, *arguments, **named):
            super().__init__()

    run = train(lambda: Keywords(1, 2, a=3))
    assert run.problem_spec["settings"] == {"arguments": (1, 2), "a": 3}


# residuals


def graph_of(d):
    with torch.no_grad():
        return 2.0 * d.u_xx


LEAF, PARAMETER = torch.tensor(0.5, requires_grad=True), torch.nn.Parameter(torch.tensor(0.5))
MODULE = torch.nn.Linear(1, 1).eval()
WEIGHTS = torch.full((4,), 0.25)
RESIDUALS = {
    "mean of points": (lambda p, d: d.u_xx + p.mean() * d.u, MIXES),
    "cumulative sum": (lambda p, d: d.u_xx + d.u.cumsum(-1), MIXES),
    "sorted": (lambda p, d: d.u_xx + d.u.sort(-1).values, MIXES),
    "first point": (lambda p, d: d.u_xx + d.u[..., :1], MIXES),
    "softmax": (lambda p, d: d.u_xx * torch.softmax(d.u, -1), MIXES),
    "flipped": (lambda p, d: d.u_xx + d.u.flip(-1), MIXES),
    "rolled": (lambda p, d: d.u_xx + d.u.roll(1, -1), MIXES),
    "differences": (lambda p, d: d.u_xx + torch.diff(d.u, dim=-1, append=d.u[..., -1:]), MIXES),
    "largest": (lambda p, d: d.u_xx / d.u.max(), MIXES),
    "in units of its own": (lambda p, d: d.u_xx / d.u_xx.detach().abs().max(), MIXES),
    "trapezoids": (lambda p, d: d.u_xx + torch.trapezoid(d.u, p[..., 0], dim=-1).unsqueeze(-1), MIXES),
    "integral with weights": (
        lambda p, d: d.u_xx + (d.u * WEIGHTS).sum(-1, keepdim=True),
        r"Slab\.residual .*one number a point",
    ),
    "number of points": (lambda p, d: d.u_xx * p.shape[-2], MIXES),
    "random": (lambda p, d: d.u_xx + torch.rand_like(d.u), MIXES),
    "dropout": (lambda p, d: torch.dropout(d.u_xx, 0.5, True), MIXES),
    # what the trial must not be blind to
    "mean of what is negative": (lambda p, d: d.u_xx + torch.relu(-d.u).mean(), MIXES),
    "small mean": (lambda p, d: d.u_xx + 1e4 * torch.sin(p[..., 0]) + d.u.mean(), MIXES),
    # what nothing trains
    "parameter": (lambda p, d: d.u_xx + PARAMETER * d.u, r"reads a torch parameter of shape \(\) that nothing trains"),
    "leaf": (lambda p, d: d.u_xx + LEAF * d.u, "that nothing trains"),
    "function of a leaf": (lambda p, d: d.u_xx + (2.0 * LEAF).exp() * d.u, "that nothing trains"),
    "module": (lambda p, d: d.u_xx + MODULE(p).squeeze(-1), "that nothing trains"),
    "module of the field": (lambda p, d: d.u_xx + MODULE(d.u.unsqueeze(-1)).squeeze(-1), "that nothing trains"),
    # what is no residual
    "none": (lambda p, d: None, r"Slab\.residual returns a NoneType: return a tensor"),
    "number": (lambda p, d: 0.0, r"Slab\.residual returns a float"),
    "points alone": (lambda p, d: p[..., 0] ** 2, r"does not depend on the network: .* d\.u"),
    "detached": (lambda p, d: d.u_xx.detach(), "does not depend on the network"),
    "without gradient": (lambda p, d: graph_of(d), "does not depend on the network"),
    "counts": (lambda p, d: (d.u_xx > 0).int(), "does not depend on the network"),
    "one number": (lambda p, d: d.u_xx.square().mean(), r"has shape \(\) at points of shape"),
    "column": (lambda p, d: d.u_xx.unsqueeze(-1), "return one residual a point"),
    "first place": (lambda p, d: d.u_xx + p[0], "one number a point"),
    "numpy": (lambda p, d: d.u_xx + np.sin(d.u), r"Slab\.residual failed at points of shape"),
    "complex": (lambda p, d: torch.complex(d.u_xx, d.u), "complex"),
    "points changed": (lambda p, d: (p.mul_(2.0), d.u_xx)[1], "points"),
    "misspelt": (lambda p, d: d.u_xz, "no 'u_xz' here: .*partials"),
    "not asked for": (lambda p, d: d.u_xx + d.u_x, "no 'u_x' here: .*add 'u_x' to.* partials"),
    "no such thing": (lambda p, d: d.velocity, "no 'velocity' here"),
    # systems
    "no equations": (lambda p, d: {}, r"a dict with the names \(\): give each equation a word"),
    "equation of two words": (lambda p, d: {"mass balance": d.u_xx}, "give each equation a word as its name"),
    "numbered equations": (lambda p, d: {1: d.u_xx}, "give each equation a word as its name"),
    "equation without a value": (lambda p, d: {"a": d.u_xx, "b": None}, "equation 'b', returns a NoneType"),
    "equation as a number": (lambda p, d: {"a": d.u_xx, "b": 1.0}, "equation 'b', returns a float"),
    "equations of two shapes": (lambda p, d: {"a": d.u_xx, "b": d.u.unsqueeze(-1)}, "equation 'b', has shape"),
    "equation of one number": (lambda p, d: {"a": d.u_xx, "b": d.u.sum()}, r"equation 'b', has shape \(\)"),
    "equation of the points": (lambda p, d: {"a": d.u_xx, "b": p[..., 0]}, "equation 'b', does not depend on the network"),
    "equation that mixes": (lambda p, d: {"a": d.u_xx, "b": d.u - d.u.mean()}, f"equation 'b',.*{MIXES}"),
    "equations that change": (lambda p, d: {f"a{p.ndim}{p.shape[0]}": d.u_xx}, "Slab.*names"),
    "equation called as the data": (lambda p, d: {"data": d.u_xx}, "two losses called 'data'"),
    "equation called residual": (lambda p, d: {"residual": d.u_xx, "b": d.u}, "'residual'"),
}


@pytest.mark.parametrize("name", RESIDUALS)
def test_residuals_that_cannot_be(name):
    formula, match = RESIDUALS[name]
    refused(residual(formula), match)


@settings(max_examples=12, deadline=None)
@given(
    points=st.integers(3, 24),
    mix=st.sampled_from([lambda u: u.mean(), lambda u: u.sum(-1, keepdim=True), lambda u: u.cumsum(-1), lambda u: u.flip(-1)]),
    dtype=st.sampled_from(["float32", "float64"]),
    many=st.booleans(),
)
def test_no_number_of_points_hides_a_mixture(points, mix, dtype, many):
    """Also with one point a batch: the finished run is looked at with all points at once."""
    divisors = [b for b in range(2, points + 1) if points % b == 0]
    refused(residual(lambda p, d: d.u_xx + mix(d.u)), MIXES, points=points, batches=divisors[-1 if many else 0], dtype=dtype)


def test_a_mixture_is_seen_when_its_coefficient_starts_at_nothing():
    refused(residual(lambda p, d: d.u_xx + d.k * d.u.mean(), unknowns={"k": 0.0}), MIXES)


def test_a_fault_of_the_users_own_passes_as_it_is():
    refused(residual(lambda p, d: {"a": 1}["the key that is not there"]), "the key that is not there", kind=KeyError)


HIDDEN = {
    "attribute": ({"k": PARAMETER}, "Slab keeps k, a torch parameter"),
    "list": ({"ks": [PARAMETER]}, "Slab keeps ks, a torch parameter"),
    "dict": ({"ks": {"k": PARAMETER}}, "Slab keeps ks, a torch parameter"),
    "leaf": ({"k": LEAF}, "Slab keeps k, a torch parameter"),
    "module": ({"net": MODULE}, r"Slab keeps net, a torch module .*requires_grad_\(False\)"),
    "modules": ({"nets": (MODULE,)}, "Slab keeps nets, a torch module"),
}


@pytest.mark.parametrize("where", HIDDEN)
def test_parameters_that_nothing_trains_are_found_where_they_hide(where):
    own, match = HIDDEN[where]
    refused(slab(**own), match)


def test_a_parameter_in_an_object_is_found_where_it_is_used():
    box = type("Box", (), {"k": PARAMETER})()
    refused(slab(box=box, residual=lambda self, p, d: d.u_xx + self.box.k * d.u), "that nothing trains")
    deep = {"a": [{"k": PARAMETER}]}
    refused(slab(deep=deep, residual=lambda self, p, d: d.u_xx + self.deep["a"][0]["k"] * d.u), "that nothing trains")


# data


RAGGED = [[0.0], [1.0, 2.0]]
DATA = {
    "ragged points": (RAGGED, ZEROS, "the points of condition 'data' are not an array of numbers .*equal rows"),
    "ragged values": (ENDS, RAGGED, "the values of condition 'data' are not an array of numbers"),
    "words": ([["left"], ["right"]], ZEROS, "could not convert string to float: 'left'"),
    "dates": (ENDS, np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"), "values of condition 'data'"),
    "complex": (ENDS, ZEROS + 1j, "values of condition 'data'"),
    "masked": (ENDS, np.ma.masked_array(ZEROS, mask=[[True], [False]]), "values of condition 'data'"),
    "empty": (np.empty((0, 1)), np.empty((0, 1)), r"points of shape \(0, 1\): give .*at least one point"),
    "empty lists": ([], [], "at least one point"),
    "none": (ENDS, None, "the values of condition 'data' have nan"),
    "not measured": (ENDS, [None, 1.0], r"have nan at \[0"),
    "nan points": (np.array([[np.nan], [1.0]]), ZEROS, r"the points of condition 'data' have nan at \[0, 0\]"),
    "infinite values": (ENDS, np.array([[0.0], [np.inf]]), r"the values of condition 'data' have inf at \[1, 0\]"),
    "one value": (ENDS, np.zeros(1), r"values of shape \(1,\) at 2 points"),
    "more values": (ENDS, np.zeros((3, 1)), r"values of shape \(3, 1\) at 2 points"),
    "two axes too many": (ENDS[None], ZEROS, r"points of shape \(1, 2, 1\)"),
    "no axis": (0.0, 0.0, r"points of shape \(\)"),
    "more coordinates": (np.zeros((2, 2)), ZEROS, r"Slab\.data has points of shape \(2, 2\): 1 coordinates \(x\) need \(2, 1\)"),
    "more columns": (ENDS, np.zeros((2, 3)), "Slab.data has values with 3 columns, and 1 are observed"),
    "more than float32 has": (ENDS, np.array([[1e300], [0.0]]), "'data'|Slab.data"),
    "squares more than float32 has": (ENDS, np.array([[1e30], [0.0]]), "'data'|Slab.data"),
}


@pytest.mark.parametrize("name", DATA)
def test_data_that_cannot_be(name):
    points, values, match = DATA[name]
    refused(data(points, values), match)


@pytest.mark.parametrize("found", [ENDS, {"x": ENDS}, (ENDS, ZEROS, ZEROS), None, "ends", zip(ENDS, ZEROS, strict=True), 3.0, ()])
def test_data_that_are_not_two_arrays(found):
    refused(slab(data=lambda self, n, seed: found), r"Slab\.data gives \w+: return two arrays, points and values")


def test_data_in_half_precision_are_data():
    assert bits(train(data(torch.tensor(ENDS).bfloat16(), torch.tensor(ZEROS).bfloat16()))) == bits(train(slab()))


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(0, 4), columns=st.integers(0, 3), values=st.lists(st.integers(0, 4), max_size=3))
def test_shapes_of_data_are_right_or_refused(rows, columns, values):
    problem = data(np.zeros((rows, columns)), np.zeros(values))
    if rows and columns == 1 and values in ([], [rows], [rows, 1]):
        assert train(problem, steps=1).complete
    else:
        refused(problem, r"(condition 'data'|Slab\.data) (of Slab )?has (points|values)")


def test_data_outside_the_domain_are_a_warning():
    with pytest.warns(UserWarning, match=r"Slab\.data has 1 of 2 points outside the domain, such as x = 5"):
        train(data([0.0, 5.0], ZEROS))


# conditions


def test_one_condition_is_the_short_form():
    assert bits(train(conditions(("wall", ENDS, "u")))) == bits(train(slab()))


CONDITIONS = {
    "one name twice": ([("a", ENDS, "u"), ("a", ENDS, "u_x")], {}, "two losses called 'a': give each condition"),
    "name of an equation": (
        [("a", ENDS, "u")],
        {"residual": lambda self, p, d: {"a": d.u_xx}},
        "two losses called 'a': give each condition and each equation a name of its own",
    ),
    "name of the residual": ([("residual", ENDS, "u")], {}, "two series .loss_residual."),
    "name of a measurement": ([("layers", ENDS, "u"), ("b", ENDS, "u")], {}, "'layers'"),
    "two words": ([("left wall", ENDS, "u")], {}, "a condition is called 'left wall': give it a word"),
    "no name": ([("", ENDS, "u")], {}, "a condition is called '': give it a word"),
    "a number": ([(3, ENDS, "u")], {}, "a condition is called 3: give it a word"),
    "values for a formula": ([("a", ENDS, ZEROS)], {}, "has the formula ndarray: give a function .* before the values"),
    "no names": ([("a", ENDS, [])], {}, "has the formula list"),
    "unknown field": ([("a", ENDS, "v")], {}, "'v' is not a partial derivative .* of the fields"),
    "unknown coordinate": ([("a", ENDS, "u_z")], {}, "'u_z' is not a partial derivative"),
    "order five": ([("a", ENDS, "u_xxxxx")], {}, "'u_xxxxx' is not a partial derivative of order 1 to 4"),
    "one column for two": ([("a", ENDS, ("u", "u_x"), ZEROS)], {}, "values with 1 column, and its formula gives 2"),
    "two columns for one": ([("a", ENDS, "u", np.zeros((2, 2)))], {}, "values with 2 columns, and its formula gives 1"),
    "fewer partners": (
        [("a", ENDS, lambda p, d, e: d.u - e.u, {"partner": ENDS[:1]})],
        {},
        r"partner points of shape \(1, 1\) for points of shape \(2, 1\): give each point one partner",
    ),
    "partners of nan": (
        [("a", ENDS, lambda p, d, e: d.u - e.u, {"partner": ENDS * np.nan})],
        {},
        "the partner points .* have nan",
    ),
    "partners that nobody reads": ([("a", ENDS, "u", {"partner": ENDS[::-1]})], {}, "'a'.*partner"),
    "partners without a place": ([("a", ENDS, lambda p, d: d.u, {"partner": ENDS})], {}, "condition 'a' of Slab failed"),
    "three arguments": ([("a", ENDS, lambda p, d, e: d.u - e.u)], {}, "condition 'a' of Slab failed"),
    "five coordinates": ([("a", np.zeros((2, 5)), "u")], {}, r"points of shape \(2, 5\): 1 coordinates \(x\)"),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_that_cannot_be(name):
    each, own, match = CONDITIONS[name]
    refused(conditions(*each, **own), match)


FORMULAS = {
    "unknown name": (lambda p, d: d.k, "'k' is not a partial derivative"),
    "misspelt": (lambda p, d: d.u_z, "'u_z' is not a partial derivative .* by the coordinates"),
    "mean": (lambda p, d: d.u - d.u.mean(), MIXES),
    "cumulative sum": (lambda p, d: d.u.cumsum(-1), MIXES),
    "first point": (lambda p, d: d.u[..., :1], "return one number a point"),
    "column": (lambda p, d: d.u * p[:, 0:1], MIXES),
    "sum": (lambda p, d: d.u.sum(), r"gives shape \(\) at 2 points"),
    "nothing": (lambda p, d: None, "return one number a point"),
    "number": (lambda p, d: 1.0, "return one number a point"),
    "dict": (lambda p, d: {"a": d.u}, "return one number a point"),
    "the points": (lambda p, d: p[..., 0], "does not depend on the network"),
    "detached": (lambda p, d: d.u.detach(), "does not depend on the network"),
    "parameter": (lambda p, d: PARAMETER * d.u, "that nothing trains"),
    "leaf": (lambda p, d: LEAF * d.u, "that nothing trains"),
    "complex": (lambda p, d: torch.complex(d.u, d.u), "complex"),
    "points changed": (lambda p, d: (p.mul_(2.0), d.u)[1], "points"),
    "not finite": (lambda p, d: d.u / 0.0, "'a'.*finite"),
    "not real": (lambda p, d: torch.log(-1.0 - d.u.square()), "'a'.*finite"),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_of_conditions_that_cannot_be(name):
    formula, match = FORMULAS[name]
    refused(conditions(("a", ENDS, formula)), match)


@pytest.mark.parametrize("weight", [0, 0.0, -1.0, math.nan, math.inf, True, "1", None, [1.0, 2.0], torch.ones(2)], ids=repr)
def test_weights_that_cannot_be(weight):
    refused(conditions(("a", ENDS, "u", {"weight": weight})), "condition 'a' has weight = .*: give a positive number")


@pytest.mark.parametrize("weight", [2, 2.0, np.float64(2), np.float32(2), np.int64(2)], ids=repr)
def test_weights_that_are_numbers(weight):
    assert bits(train(conditions(("a", ENDS, "u", {"weight": weight})))) == bits(
        train(conditions(("a", ENDS, "u", {"weight": 2.0})))
    )


@pytest.mark.parametrize(
    "found",
    [None, pl.Condition("a", ENDS, "u"), {"a": pl.Condition("a", ENDS, "u")}, [(ENDS, ZEROS)], (ENDS, ZEROS), ["a"]],
    ids=["none", "one", "dict", "tuples", "arrays", "names"],
)
def test_conditions_are_a_list_of_conditions(found):
    refused(slab(data=None, conditions=lambda self, n, seed: found), r"Slab\.conditions")


def test_a_problem_without_conditions():
    refused(slab(data=None), r"Slab has no conditions: add a method data\(n, seed\) or conditions\(n, seed\), or transform")


def test_a_coordinate_of_a_condition_in_an_ensemble():
    """p[:, 0] is a coordinate in one training, and the first point in several at once."""
    problem = conditions(("a", np.linspace(0.0, 1.0, 5), lambda p, d: d.u - p[:, 0]))
    try:
        together = pl.train_ensemble(problem(), pl.Config(**SMALL), [0, 1], progress=False)
    except ValueError:
        refused(problem, f"{MIXES}|one number a point")
        return
    alone = train(problem, seed=1)
    assert together[1].history["loss"][-1] == pytest.approx(alone.history["loss"][-1], rel=1e-3)


# what a problem says of itself


ATTRIBUTES = {
    "reversed domain": ({"domain": ((1.0, 0.0),)}, r"where \(1\.0, 0\.0\) is not a finite low end and a higher one"),
    "domain of length 0": ({"domain": ((1.0, 1.0),)}, "not a finite low end and a higher one"),
    "domain of strings": ({"domain": (("0", "1"),)}, "not a finite low end and a higher one"),
    "infinite domain": ({"domain": ((0.0, math.inf),)}, "not a finite low end and a higher one"),
    "domain of three ends": ({"domain": ((0.0, 0.5, 1.0),)}, r"give \(low, high\) for each of x"),
    "two sides": ({"domain": ((0.0, 1.0), (0.0, 1.0))}, "1 coordinates and a domain with 2 sides"),
    "no sides": ({"domain": ()}, "1 coordinates and a domain with 0 sides"),
    "domain as a number": ({"domain": 3}, r"Slab has the domain 3: give \(low, high\)"),
    "domain that float32 cannot tell apart": (
        {"domain": ((1e8, 1e8 + 1.0),), "data": lambda s, n, k: (ENDS + 1e8, ZEROS)},
        "domain",
    ),
    "no domain": ({"domain": None}, "Slab has no domain: give it as an attribute"),
    "no partials": ({"partials": None}, "Slab has no partials: give it as an attribute"),
    "no fields": ({"fields": None}, "Slab has no fields"),
    "no coordinates": ({"coordinates": None}, "Slab has no coordinates"),
    "bare partials": ({"partials": "u_xx"}, r"partials = 'u_xx' is one string: give a tuple of names, such as \('u_xx',\)"),
    "partials in one string": ({"partials": ("u,u_xx",)}, "'u,u_xx' is not a partial derivative"),
    "partials that are numbers": ({"partials": ("u", 3)}, "3"),
    "bare fields": ({"fields": "u"}, "fields = 'u' is one string"),
    "bare coordinates": ({"coordinates": "x"}, r"coordinates = 'x' is one string"),
    "coordinates that are numbers": ({"coordinates": (1,)}, "coordinate 1"),
    "one field twice": ({"fields": ("u", "u")}, "field 'u' is given 2 times"),
    "bare observed": ({"observed": "u"}, "'u' is one string: give a tuple"),
    "operator with a field": ({"operators": {"lap": {"u": 1.0}}}, "operator 'lap' is .*: give partials of one field"),
    "operator without partials": ({"operators": {"lap": {}}}, "operator 'lap' is {}"),
    "operator as a number": ({"operators": {"lap": 3.0}}, "'lap'"),
    "operator as names": ({"operators": {"lap": ["u_xx"]}}, "'lap'"),
    "operator of nan": ({"operators": {"lap": {"u_xx": math.nan}}}, "'lap'"),
    "operator of words": ({"operators": {"lap": {"u_xx": "a"}}}, "'lap'"),
    "magnitude of nobody": ({"magnitudes": {"v": 1.0}}, r"magnitudes of \['v'\]: its names are \('u',\)"),
    "magnitude 0": ({"magnitudes": {"u": 0}}, "gives 'u' the magnitude 0: give a positive number"),
    "magnitude below 0": ({"magnitudes": {"u": -1.0}}, "magnitude -1.0: give a positive number"),
    "magnitude of nan": ({"magnitudes": {"u": math.nan}}, "magnitude nan: give a positive number"),
    "magnitudes without sizes": ({"magnitudes": ("u",)}, "magnitudes"),
    "magnitude for all": ({"magnitudes": 3.0}, "magnitudes"),
    "periodic in nothing": ({"periodic": ("z",)}, r"periodic of \['z'\]: its names are \('x',\)"),
    "periodic with 0 modes": ({"periodic": {"x": 0}}, "modes = 0: give a whole number"),
    "periodic with -1 modes": ({"periodic": {"x": -1}}, "modes = -1: give a whole number"),
    "periodic with half a mode": ({"periodic": {"x": 2.5}}, r"modes = 2\.5"),
    "periodic in all": ({"periodic": True}, "periodic"),
    "no points on the grid": ({"resolution": -3, "reference": lambda s, p: p}, "resolution = -3"),
    "resolution in words": ({"resolution": "fine", "reference": lambda s, p: p}, "resolution = 'fine'"),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_descriptions_that_cannot_be(name):
    own, match = ATTRIBUTES[name]
    refused(slab(**own), match)


def test_a_problem_without_a_residual():
    refused(slab(residual=None), "abstract class Slab .*residual", kind=TypeError)


@pytest.mark.parametrize(
    "domain",
    [
        [[0.0, 1.0]],
        ((0, 1),),
        ((np.float64(0), np.float64(1)),),
        ((np.float32(0), np.float32(1)),),
        ((np.int64(0), np.int64(1)),),
    ],
    ids=repr,
)
def test_ends_of_a_domain_may_be_any_numbers(domain):
    assert bits(train(slab(domain=domain))) == bits(train(slab()))


@pytest.mark.parametrize("domain", [np.array([[0.0, 1.0]]), (np.array([0.0, 1.0]),)], ids=["array", "arrays"])
def test_a_domain_of_arrays_is_right_or_refused(domain):
    try:
        assert bits(train(slab(domain=domain))) == bits(train(slab()))
    except ValueError:
        refused(slab(domain=domain), r"Slab has the domain .*: give \(low, high\) for each of x, such as")


NAMES = ["u", "u_x", "u_xx", "x", "step", "loss", "rel_l2", "lap", "_k", "two words", "loss_data", "snr_layers", "order_gradient"]


@pytest.mark.parametrize("name", NAMES)
def test_unknowns_are_called_by_words_that_mean_nothing_else(name):
    own = {"operators": {"lap": {"u_xx": 1.0}}, "unknowns": {name: 1.0}}
    refused(residual(lambda p, d: d.u_xx + getattr(d, name), **own), f"an unknown coefficient called '{name}': give it a word")


def test_an_unknown_is_not_called_as_the_loss_of_a_condition():
    own = {"unknowns": {"loss_a": 1.0}, "residual": lambda self, p, d: d.u_xx + d.loss_a}
    refused(conditions(("a", ENDS, "u"), ("b", ENDS, "u_x"), **own), "'loss_a'")


@pytest.mark.parametrize("start", [math.nan, math.inf, "1", None, [1.0, 2.0]], ids=repr)
def test_unknowns_start_at_a_number(start):
    own = {"unknowns": {"k": start}}
    refused(residual(lambda p, d: d.u_xx + d.k, **own), "an unknown starts at .*: give a finite number")


@pytest.mark.parametrize("start", [2, 2.0, np.float64(2), np.float32(2), np.int64(2)], ids=repr)
def test_unknowns_may_start_at_any_number(start):
    def formula(p, d):
        return d.u_xx + d.k

    assert bits(train(residual(formula, unknowns={"k": start}))) == bits(train(residual(formula, unknowns={"k": 2.0})))
    assert bits(train(slab(magnitudes={"u": start}))) == bits(train(slab(magnitudes={"u": 2.0})))


@pytest.mark.parametrize("given", [["k"], "k", ("k",), {1: 1.0}, 0.5], ids=repr)
def test_unknowns_are_a_dict(given):
    refused(residual(lambda p, d: d.u_xx - 1.0, unknowns=given), "unknown")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"start": 0.0, "positive": True}, "a positive unknown starts at 0.0: give a number above 0"),
        ({"start": -1.0, "positive": True}, "a positive unknown starts at -1.0"),
        ({"start": 1.0, "scale": 0.0}, "scale = 0.0: give a positive number"),
        ({"start": 1.0, "scale": math.nan}, "scale = nan"),
        ({"start": 1.0, "scale": "a"}, "scale = 'a'"),
    ],
)
def test_unknowns_that_cannot_be(settings, match):
    with pytest.raises(ValueError, match=match):
        pl.Unknown(**settings)


def test_an_unknown_that_nothing_reads_is_not_found():
    refused(slab(unknowns={"k": 1.0}), "'k'|unknown")
    refused(residual(lambda p, d: d.u_xx * d.kk, unknowns={"k": 1.0}), "no 'kk' here")


# references, points, transforms, observations


REFERENCES = {
    "rows": (lambda self, p: np.zeros((3, 1)), r"Slab\.reference gives shape \(3, 1\) at 201 points: return \(201, n_observed\)"),
    "on its side": (lambda self, p: p.T, r"gives shape \(1, 201\) at 201 points"),
    "two columns": (lambda self, p: np.hstack([p, p]), r"gives 2 columns, and 1 are observed \(u\)"),
    "nan": (lambda self, p: np.where(p > 0.5, np.nan, p), r"not finite at x = 0\.505, the first of 100"),
    "none": (lambda self, p: None, r"Slab\.reference gives shape \(\)"),
    "one number": (lambda self, p: 1.0, r"Slab\.reference gives shape \(\)"),
    "words": (lambda self, p: "u", r"Slab\.reference"),
    "complex": (lambda self, p: p + 1j, r"Slab\.reference"),
    "nothing but 0": (lambda self, p: 0.0 * p, r"Slab\.reference"),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_references_that_cannot_be(name):
    found, match = REFERENCES[name]
    refused(slab(reference=found), match)


@pytest.mark.parametrize(
    "found",
    [
        lambda self, p: p[:, 0] + 1.0,
        lambda self, p: [x + 1.0 for x in p[:, 0].tolist()],
        lambda self, p: torch.as_tensor(p) + 1.0,
        lambda self, p: torch.as_tensor(p).requires_grad_() + 1.0,
        lambda self, p: (p + 1.0).astype(object),
    ],
    ids=["flat", "list", "tensor", "tensor with gradient", "objects"],
)
def test_references_in_other_clothes(found):
    plain = train(slab(reference=lambda self, p: p + 1.0)).history["rel_l2"]
    assert np.array_equal(train(slab(reference=found)).history["rel_l2"], plain)


INSIDE = {
    "numbers": (lambda self, p: p[:, 0], r"Slab\.inside gives float64 of shape \(16,\) at 16 points: return one bool a point"),
    "ints": (lambda self, p: (p[:, 0] > 0.5).astype(int), "gives int64"),
    "column": (lambda self, p: p > 0.5, r"gives bool of shape \(16, 1\) at 16 points"),
    "too few": (lambda self, p: p[:3, 0] > 0.5, r"gives bool of shape \(3,\)"),
    "numbers of rows": (lambda self, p: np.flatnonzero(p[:, 0] > 0.5), "return one bool a point"),
    "one": (lambda self, p: True, "return one bool a point"),
    "none": (lambda self, p: None, "return one bool a point"),
    "nowhere": (lambda self, p: p[:, 0] > 5.0, r"Slab\.inside keeps 0 of .* points of the box: give a domain that fits"),
}


@pytest.mark.parametrize("name", INSIDE)
def test_insides_that_cannot_be(name):
    found, match = INSIDE[name]
    refused(slab(inside=found), match)


POINTS = {
    "too few": (lambda self, n, seed: np.zeros((3, 1)), r"Slab\.points\(16, 0\) gives shape \(3, 1\): return 16 finite points"),
    "one more": (lambda self, n, seed: np.zeros((n + 1, 1)), r"gives shape \(17, 1\)"),
    "of a plane": (lambda self, n, seed: np.zeros((n, 2)), r"gives shape \(16, 2\)"),
    "nan": (lambda self, n, seed: np.full((n, 1), np.nan), "a number that is not finite: return 16 finite points"),
    "none": (lambda self, n, seed: None, r"gives shape \(\)"),
    "words": (lambda self, n, seed: "ab", r"Slab\.points"),
    "ragged": (lambda self, n, seed: RAGGED, r"Slab\.points"),
}


@pytest.mark.parametrize("name", POINTS)
def test_points_that_cannot_be(name):
    found, match = POINTS[name]
    refused(slab(points=found), match)


def test_own_points_outside_the_domain_are_a_warning():
    with pytest.warns(UserWarning, match="outside the domain"):
        train(slab(points=lambda self, n, seed: np.full((n, 1), 7.0)))


def test_own_points_may_be_lists_and_tensors():
    plain = bits(train(slab(points=lambda self, n, seed: np.linspace(0.0, 1.0, n)[:, None])))
    for made in (lambda x: x.tolist(), torch.as_tensor, lambda x: torch.as_tensor(x).requires_grad_()):
        own = slab(points=lambda self, n, seed, made=made: made(np.linspace(0.0, 1.0, n)[:, None]))
        assert bits(train(own)) == plain


PLANE = {
    "coordinates": ("x", "y"),
    "domain": ((0.0, 1.0), (0.0, 1.0)),
    "partials": ("u_xx", "u_yy"),
    "data": None,
    "residual": lambda self, p, d: d.u_xx + d.u_yy + 1.0,
}
TRANSFORMS = {
    "a factor a coordinate": (lambda self, p, n: p * (1.0 - p) * n, r"Slab\.transform"),
    "one field too many": (lambda self, p, n: torch.cat([n, n], -1), r"Slab\.transform"),
    "one axis too few": (lambda self, p, n: n[..., 0], r"Slab\."),
    "the first point": (lambda self, p, n: p[..., :1, :1] * n, MIXES),
    "mean": (lambda self, p, n: n * n.mean(), MIXES),
    "no network": (lambda self, p, n: p[..., :1], "depend on the network"),
    "detached": (lambda self, p, n: n.detach(), "does not depend on the network"),
    "nothing": (lambda self, p, n: None, r"Slab\."),
    "parameter": (lambda self, p, n: PARAMETER * n, "that nothing trains"),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_that_cannot_be(name):
    found, match = TRANSFORMS[name]
    refused(slab(**PLANE, transform=found), match)


MISFITS = {
    "mean over the last axis": (lambda self, found, values: (found - values).mean(-1), r"Slab\.misfit gives shape \(2,\)"),
    "one number": (lambda self, found, values: (found - values).square().mean(), r"Slab\.misfit gives shape \(\)"),
    "without the network": (lambda self, found, values: values + 0.0, "depend on the network"),
    "not finite": (lambda self, found, values: (found - values) / 0.0, "finite"),
    "of all points": (lambda self, found, values: found - values - (found - values).mean(0), MIXES),
}


@pytest.mark.parametrize("name", MISFITS)
def test_misfits_that_cannot_be(name):
    found, match = MISFITS[name]
    refused(slab(misfit=found), match)


OBSERVATIONS = {
    "nothing": (lambda self, d: None, "observe|one number a point"),
    "flat": (lambda self, d: d.u, "return one number a point"),
    "mean": (lambda self, d: (d.u - d.u.mean()).unsqueeze(-1), MIXES),
    "two for one": (lambda self, d: torch.stack([d.u, d.u], -1), "values with 1 column, and 2 are observed"),
    "constant": (lambda self, d: torch.zeros(*d.u.shape, 1, dtype=d.u.dtype), "does not depend on the network"),
}


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_observations_that_cannot_be(name):
    found, match = OBSERVATIONS[name]
    refused(slab(observe=found), match)


def test_constructors_say_what_they_miss():
    class Needs(Line):
        def __init__(self, alpha):
            super().__init__()

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'alpha'"):
        Needs()
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        Needs(1, 2)


@pytest.mark.parametrize("name", ["data", "points", "inside", "reference", "misfit"])
def test_arguments_may_have_the_names_of_methods(name):
    own = {}
    exec(f"def __init__(self, {name}=None): pass", own)
    problem = slab(__init__=own["__init__"])(3.5)
    assert problem.settings() == {name: 3.5}
    assert repr(problem) == f"Slab({name}=3.5)"


def test_an_argument_with_a_gradient_is_called_by_its_own_name():
    class Given(Line):
        def __init__(self, kappa):
            super().__init__()
            self.kappa = kappa

    said = refused(lambda: Given(torch.ones((), requires_grad=True)), "Given keeps kappa, a torch parameter")
    assert "_given" not in said


def test_an_argument_of_which_only_a_number_is_kept():
    class Number(Line):
        def __init__(self, net):
            super().__init__()
            self.kappa = net.weight.detach().clone()

    assert train(lambda: Number(torch.nn.Linear(1, 1))).complete


@pytest.mark.parametrize(
    "finish",
    [
        {"finish": "lbfgs"},
        {"finish_steps": 3},
        {"finish": "bfgs", "finish_steps": 3},
        {"finish": "lbfgs", "finish_steps": -1},
        {"finish": "lbfgs", "finish_steps": 2.5},
        {"finish": True, "finish_steps": 2},
    ],
    ids=repr,
)
def test_finish_and_its_steps_are_given_together(finish):
    with pytest.raises(
        ValueError, match=r"finish = .*(give both, such as finish='lbfgs', finish_steps=500|choose 'lbfgs' or None)"
    ):
        pl.Config(**SMALL | finish)


def test_periodic_coordinates_have_an_order():
    """A set has another one in each process, and a network's inputs would be read in the wrong order from a file."""
    names = ("a", "b", "c", "e")
    own = {"coordinates": names, "domain": ((0.0, 1.0),) * 4, "partials": ("u",)}
    assert slab(**own, periodic=set(names))().embedding == slab(**own, periodic=names)().embedding


# what is unusual, and right


def plain(a, b):
    return a * b + 1.0


FROZEN = torch.nn.Sequential(torch.nn.Linear(1, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).requires_grad_(False).double()
MANY = np.random.default_rng(0).random((4000, 1))
GOOD = {
    "log of a field": residual(lambda p, d: d.u_xx - torch.log(3.0 - 2.0 * d.u.abs())),
    "log of what the trial makes negative": residual(lambda p, d: d.u_xx - torch.log(1.7 - 1.5 * d.u)),
    "square root of what the trial makes negative": residual(lambda p, d: d.u_xx - torch.sqrt(1.2 - d.u)),
    "absolute values": residual(lambda p, d: d.u_xx.abs() + d.u.clamp(min=0.0)),
    "where of coordinates": residual(lambda p, d: torch.where(p[..., 0] < 0.5, d.u_xx, d.u - 1.0)),
    "where of fields": residual(lambda p, d: torch.where(d.u > 100.0, d.u_xx, d.u)),
    "sign": residual(lambda p, d: d.u_xx + torch.sign(d.u)),
    "no points": residual(lambda p, d: d.u_xx),
    "mean of constants": residual(lambda p, d: d.u_xx + torch.arange(5.0).mean()),
    "a table": residual(lambda p, d: d.u_xx + torch.tensor([1.0, 2.0, 3.0], dtype=p.dtype)[(2.0 * p[..., 0]).long()]),
    "matrix product": residual(lambda p, d: d.u_xx + torch.einsum("...nc,c->...n", p, torch.ones(1).to(p))),
    "fast oscillations": residual(lambda p, d: d.u_xx + torch.sin(1e5 * p[..., 0])),
    "sawtooth": residual(lambda p, d: d.u_xx + 1000.0 * p[..., 0] % 1.0),
    "large coefficients": residual(lambda p, d: 1e8 * d.u_xx + d.u),
    "cancellation": residual(lambda p, d: 1e6 * d.u_xx - 1e6 * d.u_xx + d.u),
    "one of two fields": slab(fields=("u", "v"), data=lambda self, n, seed: (ENDS, np.zeros((2, 2)))),
    "a number as tensor": slab(kappa=torch.tensor(2.0), residual=lambda self, p, d: self.kappa * d.u_xx + 1.0),
    "tensors": slab(w=torch.tensor([1.0, 2.0]), residual=lambda self, p, d: self.w[0] * d.u_xx + self.w[1]),
    "a frozen network": slab(net=FROZEN, residual=lambda self, p, d: d.u_xx - self.net(p.double()).squeeze(-1)),
    "a frozen network of the field": slab(
        net=FROZEN, residual=lambda self, p, d: d.u_xx - self.net(d.u.double()[..., None]).mean(-1)
    ),
    "a function of plain numbers": residual(lambda p, d: math.pi * plain(d.u, b=d.u_xx)),
    "a copy of the points": residual(lambda p, d: d.u_xx + p.clone().mul_(2.0)[..., 0]),
    "equations": residual(lambda p, d: {"a": d.u_xx, "b": torch.where(p[..., 0] > 0.5, d.u, d.u_xx)}),
    "an equation in a dict": residual(lambda p, d: {"only": d.u_xx}),
    "many points": data(MANY, np.sin(MANY)),
    "one point": conditions(("a", [[0.5]], "u"), ("b", [0.0], "u_x", 2)),
    "partners": conditions(("a", [[0.0]], lambda p, d, e: [d.u - e.u, d.u_x - e.u_x], {"partner": [[1.0]]})),
    "no conditions": slab(data=None, conditions=lambda self, n, seed: [], periodic=("x",), partials=("u", "u_xx")),
    "no conditions, but a transform": slab(data=None, transform=lambda self, p, n: p * (1.0 - p) * n),
    "a tuple of conditions": slab(data=None, conditions=lambda self, n, seed: (pl.Condition("a", ENDS, "u"),)),
    "data in a list": slab(data=lambda self, n, seed: [ENDS, ZEROS]),
    "fields as a property": slab(fields=property(lambda self: ("u",))),
    "lists of names": slab(coordinates=["x"], fields=["u"], partials=["u", "u_xx"], domain=[[0.0, 1.0]]),
}


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize("name", GOOD)
def test_what_is_only_unusual_is_trained(name, compile):
    for dtype in ("float32", "float64"):
        run = train(GOOD[name], compile=compile, dtype=dtype)
        assert run.complete
        assert np.isfinite(run.history["loss"]).all()
        assert run.provenance["path"].startswith("native" if compile else "eager")


@pytest.mark.parametrize("compile", PATHS)
@pytest.mark.parametrize(("points", "batches"), [(2, 2), (3, 3), (7, 7), (15, 5), (21, 3), (26, 2)])
def test_odd_numbers_of_points_and_batches(points, batches, compile):
    assert train(slab(), points=points, batches=batches, data_points=1, compile=compile).complete


@pytest.mark.parametrize("compile", PATHS)
def test_one_batch_of_odd_size_after_the_other(compile):
    """The same numbers however the points are cut, as the checks promise."""
    runs = [train(slab(), points=45, batches=b, compile=compile, dtype="float64") for b in (3, 5, 9, 15, 45)]
    assert [run.history["loss"][-1] for run in runs] == pytest.approx([runs[0].history["loss"][-1]] * 5, rel=1e-9)
