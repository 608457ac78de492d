"""Imports run downward only, and what users import stays."""

import ast
from pathlib import Path

import pytest

import pinnlib as pl

ROOT = Path(pl.__file__).parent

#: From the ground up. A module may import from its own floor, without a circle, and from those below.
FLOORS = [
    {"taylor", "version"},
    {"models", "sampling", "rba", "weightings", "order_parameter", "config"},
    {"reference", "problems", "phases"},
    {"evaluation", "snr"},
    {"runs"},
    {"training", "information", "monitoring", "monitor"},
    {"curvature", "comparison", "integrations"},
    {"book"},
    {"__init__", "__main__"},
]


def modules():
    return {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.rglob("*.py")}


def floor(module):
    return next(k for k, names in enumerate(FLOORS) if module.split(".")[0] in names)


def is_module(name):
    return (ROOT / f"{name.replace('.', '/')}.py").exists() or (ROOT / name.replace(".", "/") / "__init__.py").exists()


def imported(path, module):
    """Modules of the library that a file imports when it runs; those for the eyes of a type checker alone are left out."""
    tree, package = ast.parse(path.read_text()), module.split(".")[:-1]
    unseen = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and id(node) not in unseen:
            base = [*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                inner = ".".join([*base, alias.name])
                yield inner if is_module(inner) else ".".join(base)


def arrows():
    return {module: sorted(set(imported(path, module)) - {""}) for path, module in modules().items()}


def test_every_module_has_a_floor():
    assert {module.split(".")[0] for module in modules().values()} == set().union(*FLOORS)


def test_no_import_points_upward():
    upward = [(a, b) for a, found in arrows().items() for b in found if floor(b) > floor(a)]
    assert not upward


def test_no_circle():
    """Packages count as what their face imports."""
    known = {module.removesuffix(".__init__"): found for module, found in arrows().items()}
    done, path = set(), []

    def visit(module):
        if module in path:
            pytest.fail(" -> ".join([*path[path.index(module) :], module]))
        if module in done:
            return
        path.append(module)
        for below in known.get(module, ()):
            if below != module:
                visit(below)
        path.pop()
        done.add(module)

    for module in known:
        visit(module)


def test_an_arrow_upward_would_be_seen(tmp_path):
    file = tmp_path / "probe.py"
    file.write_text("from ..book import claims\nfrom .. import snr\nfrom .loop import Trainer\n")
    found = list(imported(file, "training.probe"))
    assert found == ["book.claims", "snr", "training.loop"]
    assert floor("book.claims") > floor("training.probe") > floor("snr")


#: What the book, the README and users import; nothing here may go.
FACE = {
    "": "RBA Config Problem Run TrainingDiverged branch forecast resume train train_ensemble "
    "book claims crossings curvature derivatives evaluation figures information order phases problems rba records sampling snr "
    "surrogates verdicts weightings",
    "book.authors": "PUBLISHED gap parting reduce series start",
    "comparison": "Comparison Verdict compare verdict",
    "claims": "first_below homogeneity of_crossings of_phases onset rise shares steepest_fall summary",
    "crossings": "first",
    "curvature": "Curvature Eigenpair largest_eigenvalue preconditioner threshold",
    "derivatives": "Fields Operator Plan evaluate plan propagate",
    "evaluation": "error observe observed predict relative_l2 residual",
    "figures": "COLOURS band curves layers legend maps mark scrub scrub_page shade signal_noise snr stamp style",
    "information": "Analysis Discrete Estimate FixedRange FixedWidth Noisy Paper Quantile Rule activations analyse "
    "binned_entropy counts dimension_wise_entropy discrete_entropy miller_madow mutual_information neuron_entropy "
    "noisy_information quantize quantized_activity saturation shuffle_labels shuffle_neurons untrained",
    "models": "MLP",
    "monitor": "FRESH LAYERS Loss Monitor SERIES",
    "order": "cell_means spatial_order",
    "phases": "Boundary Detector Phases detect running_quantiles",
    "phases.events": "SERIES SIZES Change Collapse Study collapses effect level null_effects of_runs study",
    "problems": "AllenCahn Burgers Cavity Helmholtz Perivascular Problem KNOWN",
    "rba": "RBA bound normalized update",
    "records": "digest load names register url",
    "sampling": "boundary face grid interior",
    "snr": "Statistics adam adam_step batch_gradients by_layer data_gradients noise norms order signal snr statistics",
    "surrogates": "draw null phase_randomized schedule three_phases",
    "verdicts": "LAPTOP Claim at matrix spread table",
    "weightings": "NAMED RAD SelfAdaptive from_dict",
}


@pytest.mark.parametrize("where", FACE)
def test_nothing_that_users_import_has_gone(where):
    found = pl
    for name in filter(None, where.split(".")):
        found = getattr(found, name)
    assert [name for name in FACE[where].split() if not hasattr(found, name)] == []
