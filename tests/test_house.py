"""The project's files agree with each other."""

import dataclasses
import json
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
import toc
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import pinnlib as pl
from pinnlib import records
from pinnlib.training import manifest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
REPOSITORY = CONFIG["repository"]["url"]


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
PINS = {normal(name): version for name, version in (line.split("==") for line in LINES)}


def test_environment_holds_only_python_pip_and_the_project():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, project = environment["dependencies"]
    assert re.fullmatch(r"python=3\.\d+", python)
    assert pip == "pip"
    assert project == {"pip": ["-e .[book,test]"]}


def test_one_oldest_python_everywhere():
    oldest = re.fullmatch(r">=(3\.\d+)", PROJECT["requires-python"])[1]
    assert f"Python {oldest} or newer" in (ROOT / "README.md").read_text()
    assert f"Python {oldest} or newer" in (ROOT / "book" / "welcome.md").read_text()
    assert f"python={oldest}" in (ROOT / "environment.yml").read_text()
    named = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert named[0] == oldest
    tried = (ROOT / ".ci" / "matrix").read_text() + (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert [v for v in named if f"python{v}" not in tried or f'"{v}"' not in tried] == []


def test_every_dependency_is_pinned_within_its_bounds():
    extras = PROJECT["optional-dependencies"]
    for line in [*PROJECT["dependencies"], *(line for extra in ("deepxde", "pina", "book", "test") for line in extras[extra])]:
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            assert requirement.extras <= extras.keys()
            continue
        if requirement.marker and not requirement.marker.evaluate():
            continue
        assert normal(requirement.name) in PINS, f"{requirement.name} is not in constraints.txt"
        assert requirement.specifier.contains(Version(PINS[normal(requirement.name)])), line


def test_the_library_keeps_loose_lower_bounds():
    for line in PROJECT["dependencies"]:
        assert {s.operator for s in Requirement(line).specifier} == {">="}, line


def test_the_environment_has_the_pinned_versions():
    """The tests speak of the versions that the page *Status* names."""
    from importlib.metadata import version

    for name in ("numpy", "scipy", "matplotlib", "jupyter-book", "sphinx", "nbval"):
        assert version(name) == PINS[name]
    assert version("torch").split("+")[0] == PINS["torch"]


AUTHORS = "https://github.com/soanagno/diffusion-equilibrium"


def test_the_repository_has_one_address():
    assert records.REPOSITORY == REPOSITORY
    assert PROJECT["urls"]["Repository"] == REPOSITORY
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["repository-code"] == REPOSITORY
    texts = [ROOT / "README.md", *(ROOT / "book").glob("*.py"), *(ROOT / "book").glob("*.ipynb"), *(ROOT / "book").glob("*.md")]
    for path in texts:
        for address in re.findall(r"https://github\.com/[\w.-]+/[\w.-]+?(?=[\"\\\s>).]|\.git|$)", path.read_text()):
            assert address in {REPOSITORY, AUTHORS}, path.name
    for path in (ROOT / "book").glob("[0-9]*.py"):
        assert f'REPOSITORY = "{REPOSITORY}"' in path.read_text(), path.name


def test_versions_agree():
    """The citation names the newest release; between two releases the changes stand under *Unreleased*."""
    own, changes = Version(pl.__version__), (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (\d\S+) \(\d{4}-\d\d-\d\d\)$", changes, flags=re.MULTILINE)[1]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == newest
    assert own == Version(newest) or (own.is_devrelease and own > Version(newest))
    assert ("## Unreleased" in changes) == own.is_devrelease


def test_the_source_package_has_no_strays(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path], cwd=ROOT, check=True, capture_output=True
    )
    (archive,) = tmp_path.iterdir()
    with tarfile.open(archive) as file:
        top = {name.split("/")[1] for name in file.getnames()}
    assert top == {"pinnlib", "LICENSE", "README.md", "PKG-INFO", "pyproject.toml", ".gitignore"}


def test_every_page_is_in_the_table_of_contents():
    there = {f"book/{p.stem}" for p in (ROOT / "book").iterdir() if p.suffix in (".md", ".ipynb")}
    assert set(toc.pages()) == there


def test_records_and_their_digests_agree():
    published = {p.stem: records.digest(p) for p in (ROOT / "book" / "records").glob("*.npz")}
    assert published
    assert json.loads((ROOT / "pinnlib" / "book" / "records.json").read_text()) == published


def test_every_record_is_made_by_the_list():
    folder = ROOT / "book" / "records"
    entries = manifest.read(folder / "records.toml")
    assert {entry.name for entry in entries} == {p.stem for p in folder.glob("*.npz")}
    assert {entry.name: manifest.state(entry, folder).kind for entry in entries} == {entry.name: "done" for entry in entries}


def test_the_list_for_a_gpu_has_the_authors_settings():
    entries = manifest.read(ROOT / "book" / "records" / "paper.toml")
    assert {entry.problem[0] for entry in entries} == {"helmholtz", "allencahn", "cavity", "burgers"}
    for entry in entries:
        c = entry.config
        assert (c.width, c.depth, c.batches, c.steps) == (128, 6, 100, 300_000)
        assert (c.lr, c.lr_decay, c.lr_decay_every) == (1e-3, 0.9, 5000)
        assert c.points == (10_000 if entry.problem[0] == "cavity" else 25_600)
        assert entry.name.endswith(("_vanilla", "_rba"))
        if entry.problem[0] in ("helmholtz", "allencahn"):
            name = {"allencahn": "allen_cahn"}.get(entry.problem[0], entry.problem[0])
            problem, config = pl.book.authors.start(name, weighting=entry.name.rpartition("_")[2])
            assert repr(entry.build()) == repr(problem)
            assert entry.config == dataclasses.replace(config, snapshots=c.snapshots, device="cuda", compile=True)


def test_records_are_complete_and_small():
    for path in (ROOT / "book" / "records").glob("*.npz"):
        run = records.Run.load(path)
        assert run.complete, path.name
        assert path.stat().st_size < 2_000_000, path.name
    assert sum(path.stat().st_size for path in (ROOT / "book" / "records").glob("*.npz")) < 40_000_000


def test_the_package_is_small():
    """With its reference solutions, without caches."""
    files = [p for p in (ROOT / "pinnlib").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(path.stat().st_size for path in files) < 3_000_000


def test_measuring_does_not_import_matplotlib():
    code = "import sys, pinnlib; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "name", ["LICENSE", "CITATION.cff", "CONTRIBUTING.md", "CHANGELOG.md", ".pre-commit-config.yaml", ".ci/run"]
)
def test_the_house_is_complete(name):
    assert (ROOT / name).is_file()


def test_ci_calls_the_two_commands_of_the_readme():
    script, readme = (ROOT / ".ci" / "run").read_text(), (ROOT / "README.md").read_text()
    for command in ("make test", "make book"):
        assert command in script
        assert command in readme


def test_lint():
    assert subprocess.run([sys.executable, "-m", "ruff", "check", "-q", str(ROOT)], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-m", "ruff", "format", "-q", "--check", str(ROOT)], check=False).returncode == 0
