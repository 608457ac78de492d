"""Callbacks for DeepXDE and PINA, against loops by hand on the same training, and against the training unwatched."""

import logging
import os
import subprocess
import sys

os.environ["DDE_BACKEND"] = "pytorch"

import deepxde as dde
import lightning.pytorch as lightning
import numpy as np
import pytest
import torch
from pina import Condition, Trainer
from pina.domain import CartesianDomain
from pina.equation import Equation
from pina.equation.zoo import FixedValue
from pina.model import FeedForward
from pina.operator import grad
from pina.problem import SpatialProblem, TimeDependentProblem
from pina.solver import CausalPhysicsInformedSingleModelSolver as CausalPINN
from pina.solver import PhysicsInformedSingleModelSolver as PINN
from pina.solver import RBAPhysicsInformedSingleModelSolver as RBAPINN
from pina.solver import SelfAdaptivePhysicsInformedSolver as SAPINN
from pina.weighting import LinearWeighting, NeuralTangentKernelWeighting, ScalarWeighting, SelfAdaptiveWeighting

from pinnlib.integrations import deepxde as for_deepxde
from pinnlib.integrations import lightning as for_lightning
from pinnlib.monitor import Loss

VISCOSITY = 0.01 / np.pi
POINTS, BATCHES = 128, 8
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
pytestmark = [
    pytest.mark.filterwarnings("ignore::lightning.pytorch.utilities.warnings.PossibleUserWarning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:(lightning|pina|torch_geometric).*"),
]


def by_hand(parameters, residual, terms, order, batches=BATCHES):
    """SNR, signal and noise by one graph and one backward pass a batch; ``order`` numbers the points that are cut."""
    rows = []
    for b in range(batches):
        part = order.chunk(batches)[b]
        loss = residual()[part].mean() + sum(term() for term in terms)
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)]))
    whole = torch.stack(rows).double().numpy()
    signal, noise = np.linalg.norm(whole.mean(0)), np.linalg.norm(whole.std(0))
    return signal / noise, signal, noise


def order_of(n, batches=BATCHES):
    found = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    return found[: n - n % batches]


@pytest.fixture
def double():
    """float64, in which sums in another order are not seen."""
    torch.set_default_dtype(torch.float64)
    dde.config.set_default_float("float64")
    yield
    torch.set_default_dtype(torch.float32)
    dde.config.set_default_float("float32")


# ---- DeepXDE


def burgers(net=None, loss_weights=(1.0, 2.0, 3.0), optimizer="adam", solution=None, loss="MSE", points=POINTS, num_test=None):
    dde.config.set_random_seed(0)
    geometry = dde.geometry.GeometryXTime(dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 1))

    def pde(x, u):
        u_x, u_t = (dde.grad.jacobian(u, x, i=0, j=j) for j in (0, 1))
        return u_t + u * u_x - VISCOSITY * dde.grad.hessian(u, x, i=0, j=0)

    bc = dde.icbc.DirichletBC(geometry, lambda x: 0.0, lambda _, on: on)
    ic = dde.icbc.IC(geometry, lambda x: -np.sin(np.pi * x[:, :1]), lambda _, on: on)
    data = dde.data.TimePDE(
        geometry,
        pde,
        [bc, ic],
        num_domain=points - 24,
        num_boundary=8,
        num_initial=16,
        solution=solution,
        num_test=num_test,
        train_distribution="pseudo",
    )
    model = dde.Model(data, net or dde.nn.FNN([2, 8, 8, 1], "tanh", "Glorot normal"))
    model.compile(optimizer, lr=1e-3, loss_weights=loss_weights, loss=loss, verbose=0)
    return model, pde, (bc, ic)


def deepxde_twin(model, pde, conditions):
    """What DeepXDE minimizes, written anew: the residual's share of each point, and the conditions' terms."""
    data = model.data
    x = torch.as_tensor(data.train_x)
    n_bc = sum(data.num_bcs)
    ends = np.cumsum([0, *data.num_bcs])

    def share():
        z = x[n_bc:].clone().requires_grad_()
        dde.grad.clear()
        return (model.loss_weights[0] * pde(z, model.net(z)) ** 2).flatten()

    def term(k):
        rows = data.train_x[ends[k] : ends[k + 1]]
        wanted = 0.0 if k == 0 else torch.as_tensor(-np.sin(np.pi * rows[:, :1]), dtype=torch.get_default_dtype())
        return model.loss_weights[1 + k] * (model.net(torch.as_tensor(rows)) - wanted).square().mean()

    return share, [lambda k=k: term(k) for k in range(len(conditions))], len(x) - n_bc


def test_deepxde_equals_a_loop_by_hand(double):
    model, pde, conditions = burgers(points=POINTS + 3)  # that 8 batches do not divide
    watch = for_deepxde.SNRMonitor(BATCHES, period=5)
    model.train(iterations=7, callbacks=[watch], verbose=0)
    share, terms, n = deepxde_twin(model, pde, conditions)
    assert n % BATCHES == 3
    weights = [p for p in model.net.parameters() if p.ndim == 2]
    history = watch.monitor.history
    assert history["step"].tolist() == [0, 5, 7]
    assert watch.monitor.how == "rows"
    for name, value in zip(("snr", "signal", "noise"), by_hand(weights, share, terms, order_of(n)), strict=True):
        assert history[name][-1] == pytest.approx(value, rel=1e-9)
    losses = [float(term().detach()) for term in terms]
    assert history["loss_DirichletBC"][-1] == pytest.approx(losses[0], rel=1e-6)
    assert history["loss_IC"][-1] == pytest.approx(losses[1], rel=1e-6)
    assert history["loss"][-1] == pytest.approx(float(np.sum(model.train_state.loss_train)), rel=1e-6)
    assert history["loss_residual"][-1] == pytest.approx(float(share().detach().mean()), rel=1e-6)
    assert np.isfinite(history["snr_adam"][1:]).all()
    assert np.isfinite(history["order_residual"]).all()
    assert str(watch.monitor.report()).startswith("State: too short")


@pytest.mark.parametrize("optimizer", ["adam", "L-BFGS"])
def test_deepxde_has_the_same_bits_unwatched(optimizer):
    ends = []
    for watched in (True, False):
        model, *_ = burgers(optimizer=optimizer, num_test=32)
        if optimizer == "L-BFGS":
            dde.optimizers.set_LBFGS_options(maxiter=12)
            dde.optimizers.config.LBFGS_options["iter_per_step"] = 4
            dde.optimizers.config.LBFGS_options["fun_per_step"] = 5
            model.compile(optimizer, loss_weights=[1, 2, 3], verbose=0)
        watch = for_deepxde.SNRMonitor(BATCHES, period=3)
        model.train(iterations=10, callbacks=[watch] if watched else [], verbose=0)
        ends.append([p.detach().clone() for p in model.net.parameters()] + [torch.rand(1), torch.as_tensor(np.random.rand(1))])
        assert "losses_train" not in vars(model.data)
        if watched:
            assert len(watch.monitor.history["step"]) >= 3
            assert watch.monitor.history["loss_fresh"][-1] > 0
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_deepxde_goes_on_with_another_optimizer_and_knows_the_error():
    exact = lambda x: -np.sin(np.pi * x[:, :1]) * np.exp(-x[:, 1:])  # noqa: E731
    model, *_ = burgers(solution=exact)
    watch = for_deepxde.SNRMonitor(BATCHES, period=5, names=["equation", "wall", "start"])
    model.train(iterations=5, callbacks=[watch], verbose=0)
    first = watch.monitor
    model.compile("sgd", lr=1e-3, loss_weights=[1, 2, 3], verbose=0)
    model.train(iterations=5, callbacks=[watch], verbose=0)
    assert watch.monitor is first
    history = first.history
    assert history["step"].tolist() == [0, 5, 10]
    assert np.isnan(history["snr_adam"]).tolist() == [True, False, True]
    y = model.predict(model.data.test_x)
    wanted = exact(model.data.test_x)
    assert history["rel_l2"][-1] == pytest.approx(np.linalg.norm(y - wanted) / np.linalg.norm(wanted), rel=1e-5)
    assert {"loss_wall", "signal_start"} <= history.keys()


def test_deepxde_systems_have_an_equation_each():
    dde.config.set_random_seed(0)
    line = dde.geometry.TimeDomain(0, 3)

    def pde(t, y):
        return [dde.grad.jacobian(y, t, i=0) - y[:, 1:], dde.grad.jacobian(y, t, i=1) + y[:, :1]]

    values = (lambda t: np.zeros_like(t), lambda t: np.ones_like(t))
    start = [dde.icbc.IC(line, value, lambda _, on: on, component=k) for k, value in enumerate(values)]
    model = dde.Model(dde.data.PDE(line, pde, start, 32, 2), dde.nn.FNN([1, 8, 2], "tanh", "Glorot normal"))
    model.compile("adam", lr=1e-3, loss_weights=[1, 5, 1, 1], verbose=0)
    watch = for_deepxde.SNRMonitor(4, period=10)
    model.train(iterations=1, callbacks=[watch], verbose=0)
    history = watch.monitor.history
    assert {"loss_pde_0", "loss_pde_1", "loss_IC", "loss_IC_2"} <= history.keys()
    assert history["loss"][-1] == pytest.approx(float(np.sum(model.train_state.loss_train)), rel=1e-6)
    assert history["loss_residual"][-1] < history["loss"][-1]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"period": 0}, "period = 0: give a whole number of steps"),
        ({"batches": 1}, "batches = 1: give a whole number of at least 2"),
        ({"names": ["a"]}, "names has 1 and the loss 3 parts: give one for each, equations first"),
        ({"batches": 1000}, "1000 batches do not cut 128 points"),
    ],
)
def test_deepxde_says_what_is_wrong(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        burgers()[0].train(iterations=1, callbacks=[for_deepxde.SNRMonitor(**settings)], verbose=0)


@pytest.mark.parametrize("given", [np.array([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 3.0])], ids=["array", "tensor"])
def test_deepxde_takes_weights_of_any_kind(given):
    found = []
    for weights in ([1.0, 2.0, 3.0], given):
        watch = for_deepxde.SNRMonitor(BATCHES)
        burgers(loss_weights=weights)[0].train(iterations=1, callbacks=[watch], verbose=0)
        found.append(watch.monitor.history["snr"][0])
    assert found[0] == found[1]


def test_deepxde_data_without_an_equation_are_refused():
    x = np.linspace(0, 1, 16)[:, None].astype(np.float32)
    model = dde.Model(dde.data.DataSet(X_train=x, y_train=x, X_test=x, y_test=x), dde.nn.FNN([1, 4, 1], "tanh", "Glorot normal"))
    model.compile("adam", lr=1e-3, verbose=0)
    with pytest.raises(ValueError, match="the model's data are DataSet, without an equation at points"):
        model.train(iterations=1, callbacks=[for_deepxde.SNRMonitor(BATCHES)], verbose=0)


def test_deepxde_needs_mean_squares_and_torch():
    model, *_ = burgers(loss="MAE")
    with pytest.raises(ValueError, match="the loss of pde_0 is mean_absolute_error: the monitor needs a mean square"):
        model.train(iterations=1, callbacks=[for_deepxde.SNRMonitor(BATCHES)], verbose=0)
    assert "losses_train" not in vars(model.data)
    with pytest.raises(ValueError, match="nothing was watched yet"):
        for_deepxde.SNRMonitor().monitor  # noqa: B018


def test_a_library_that_is_not_there_is_said():
    for name, extra in {"deepxde": "deepxde", "lightning": "pina"}.items():
        code = f"import sys; sys.modules[{name!r}] = None\nimport pinnlib.integrations.{name}"
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert f"pip install 'pinnlib[{extra}]'" in result.stderr


def test_nothing_is_written_into_the_home_folder(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "DDE_BACKEND"} | {"HOME": str(tmp_path)}
    code = "import pinnlib.integrations.deepxde as one; assert one.dde.backend.backend_name == 'pytorch'"
    assert subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False).returncode == 0
    assert not (tmp_path / ".deepxde").exists()


# ---- PINA and Lightning


def burgers_of_pina(points, u):
    du = grad(u, points)
    u_xx = grad(du, points, components=["dudx"]).extract(["ddudxdx"])
    return du.extract(["dudt"]) + u.extract(["u"]) * du.extract(["dudx"]) - VISCOSITY * u_xx


def start_of_pina(points, u):
    return u.extract(["u"]) + torch.sin(torch.pi * points.extract(["x"]))


class OfPina(TimeDependentProblem, SpatialProblem):
    output_variables = ["u"]
    spatial_domain = CartesianDomain({"x": [-1, 1]})
    temporal_domain = CartesianDomain({"t": [0, 1]})
    domains = {
        "wall": CartesianDomain({"x": -1, "t": [0, 1]}),
        "start": CartesianDomain({"x": [-1, 1], "t": 0}),
        "inside": CartesianDomain({"x": [-1, 1], "t": [0, 1]}),
    }
    conditions = {
        "wall": Condition(domain="wall", equation=FixedValue(0.0)),
        "start": Condition(domain="start", equation=Equation(start_of_pina)),
        "inside": Condition(domain="inside", equation=Equation(burgers_of_pina)),
    }


def train_pina(callbacks, solver=PINN, steps=7, points=POINTS + 3, log=False, batch_size=None, **settings):
    torch.manual_seed(0)
    problem = OfPina()
    problem.discretise_domain(points, "random", domains=["inside"])
    problem.discretise_domain(16, "random", domains=["wall", "start"])
    solver = solver(problem=problem, model=FeedForward(2, 1, layers=[8, 8]), **settings)
    trainer = Trainer(
        solver,
        max_epochs=steps,
        batch_size=batch_size,
        accelerator="cpu",
        callbacks=callbacks,
        logger=log,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    trainer.train()
    return solver


class Keep(lightning.Callback):
    """Keeps the points in the order in which PINA trains on them."""

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self.where = {name: data["input"].detach() for name, data in batch}


def pina_twin(solver, where, weights, attention=None):
    """What PINA minimizes, written anew."""

    def at(name):
        return where[name].clone().requires_grad_()

    def share():
        x = at("inside")
        r = burgers_of_pina(x, solver(x)).as_subclass(torch.Tensor).flatten()
        return weights["inside"] * r.square() * (1.0 if attention is None else attention(r.detach()))

    def wall():
        return weights["wall"] * solver(at("wall")).as_subclass(torch.Tensor).square().mean()

    def start():
        x = at("start")
        return weights["start"] * start_of_pina(x, solver(x)).as_subclass(torch.Tensor).square().mean()

    return share, [wall, start]


@pytest.mark.parametrize("attention", [False, True])
def test_pina_equals_a_loop_by_hand(attention, double):
    weights = {"inside": 0.5, "wall": 2.0, "start": 3.0}
    watch = for_lightning.SNRMonitor(5, BATCHES)
    more = {"eta": 0.01, "regularized_conditions": "inside"} if attention else {}
    keep = Keep()
    solver = train_pina([watch, keep], RBAPINN if attention else PINN, weighting=ScalarWeighting(weights), **more)

    def next_weights(r):
        return 0.999 * solver.weight_inside.flatten() + 0.01 * r.abs() / r.abs().max()

    share, terms = pina_twin(solver, keep.where, weights, next_weights if attention else None)
    matrices = [p for p in solver.model.parameters() if p.ndim == 2]
    history = watch.monitor.history
    assert history["step"].tolist() == [0, 5, 7]
    assert watch.monitor.how == "rows"
    found = by_hand(matrices, share, terms, order_of(POINTS + 3))
    for name, value in zip(("snr", "signal", "noise"), found, strict=True):
        assert history[name][-1] == pytest.approx(value, rel=1e-9)
    assert history["loss_wall"][-1] == pytest.approx(float(terms[0]().detach()), rel=1e-6)
    assert (history["factor_spread"] > 0.1).tolist() == [attention] * 3
    assert attention or history["factor"] == pytest.approx([0.5] * 3)
    assert history["loss"][-1] == pytest.approx(float((share().mean() + sum(t() for t in terms)).detach()), rel=1e-6)


@pytest.mark.parametrize("solver", [PINN, RBAPINN])
def test_pina_has_the_same_bits_unwatched(solver):
    ends = []
    for callbacks in ([for_lightning.SNRMonitor(2, BATCHES)], []):
        trained = train_pina(callbacks, solver)
        ends.append([*trained.state_dict().values(), torch.rand(1)])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize("kind", [LinearWeighting, SelfAdaptiveWeighting, NeuralTangentKernelWeighting])
def test_pina_weighs_as_in_the_coming_step(kind):
    """With every weighting the probe's loss is the one that PINA's step minimizes, and the training has the same bits."""
    ends, losses = [], []

    class Losses(lightning.Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
            losses.append(float(outputs["loss"]))

    for watched in (True, False):
        settings = {}
        if kind is LinearWeighting:
            names = ("inside", "wall", "start")
            settings = {
                "initial_weights": dict(zip(names, (1e-3, 10.0, 1.0), strict=True)),
                "final_weights": dict.fromkeys(names, 1.0),
                "target_epoch": 5,
            }
        watch = for_lightning.SNRMonitor(1, BATCHES)
        solver = train_pina([watch, Losses()] if watched else [], weighting=kind(**settings))
        ends.append(list(solver.state_dict().values()))
        if watched:
            assert watch.monitor.history["loss"][:7] == pytest.approx(losses, rel=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_pina_batches_that_are_too_small_are_waited_out():
    watch = for_lightning.SNRMonitor(1, BATCHES)
    with pytest.warns(UserWarning, match="a batch has 3 points for 8 batches: the probe waits for a larger one"):
        train_pina([watch], steps=2, batch_size=64)  # 64, 64 and 3 of 131 points
    assert watch.monitor.history["step"].tolist() == [0, 1, 3, 4, 6]


@pytest.mark.parametrize(
    ("solver", "settings", "sentence"),
    [
        (CausalPINN, {"regularized_conditions": "inside"}, "the monitor needs one a point, not causal training"),
        (SAPINN, {}, "trains several networks"),
    ],
)
def test_pina_solvers_that_are_not_known(solver, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        train_pina([for_lightning.SNRMonitor(1, BATCHES, residual="inside")], solver, steps=1, **settings)


def test_pina_logs_what_was_found(tmp_path):
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(tmp_path)
    watch = for_lightning.SNRMonitor(2, BATCHES)
    train_pina([watch], steps=4, log=logger)
    logger.save()
    rows = (tmp_path / "lightning_logs" / "version_0" / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("pinnlib/snr")
    assert "pinnlib/alignment" in rows[0]
    logged = [float(row.split(",")[column]) for row in rows[1:] if row.split(",")[column]]
    assert logged == pytest.approx(watch.monitor.history["snr"][:2].tolist(), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"every_n_steps": 0}, "every_n_steps = 0: give a whole number"),
        ({"every_n_steps": True}, "every_n_steps = True: give a whole number"),
        ({"residual": "outside"}, "residual = 'outside' is no condition of the problem: choose one of 'wall', 'start', 'inside'"),
        ({"batches": 1}, "batches = 1: give a whole number"),
    ],
)
def test_pina_says_what_is_wrong(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        train_pina([for_lightning.SNRMonitor(**settings)], steps=1)


def test_pina_asks_which_condition_is_the_equation():
    with pytest.raises(ValueError, match="none has the most: say which is the equation by residual="):
        train_pina([for_lightning.SNRMonitor(1, 4)], points=16, steps=1)
    watch = for_lightning.SNRMonitor(1, 4, residual="inside")
    train_pina([watch], points=16, steps=1)
    assert {"loss_wall", "loss_start"} <= watch.monitor.history.keys()


class Plain(lightning.LightningModule):
    """Someone's own module: u' = -u."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))

    def residual(self, x):
        x = x.clone().requires_grad_()
        u = self.net(x)
        return torch.autograd.grad(u.sum(), x, create_graph=True)[0] + u

    def start(self):
        return (self.net(torch.zeros(1, 1)) - 1.0).square().mean()

    def training_step(self, batch, batch_idx):
        return self.residual(batch[0]).square().mean() + self.start()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


def test_any_module_that_says_its_loss():
    torch.manual_seed(0)
    module, x = Plain(), torch.linspace(0, 1, 32)[:, None]
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=32)
    watch = for_lightning.SNRMonitor(
        2, BATCHES, loss=lambda m, batch: Loss(m.residual(batch[0]), {"start": m.start()}), shuffle=None
    )
    trainer = lightning.Trainer(
        max_epochs=4,
        accelerator="cpu",
        callbacks=[watch],
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(module, loader)
    matrices = [p for p in module.parameters() if p.ndim == 2]
    found = by_hand(matrices, lambda: module.residual(x).square().flatten(), [module.start], torch.arange(32))
    assert watch.monitor.history["snr"][-1] == pytest.approx(found[0], rel=2e-6)
    with pytest.raises(ValueError, match="Plain is no solver of PINA 0.3: give loss="):
        lightning.Trainer(
            max_epochs=1,
            accelerator="cpu",
            callbacks=[for_lightning.SNRMonitor()],
            logger=False,
            enable_progress_bar=False,
            enable_checkpointing=False,
            enable_model_summary=False,
        ).fit(module, loader)
