# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Status
#
# Which versions made what you see, and how long it took.
#
# The published runs have a page of their own, {doc}`published`.

# %% tags=["hide-cell"]
import subprocess
import sys

REPOSITORY = "https://github.com/learning-in-pinns/learning-in-pinns"
if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    subprocess.run([*pip, f"pinnlib @ git+{REPOSITORY}"], check=True)

# %% tags=["hide-input"]
from importlib.metadata import PackageNotFoundError, version

import pinnlib as pl

print(len(pl.records.names()), "published runs, by pinnlib", pl.__version__)

# %% [markdown]
# ## Versions behind the rendered pages

# %% tags=["hide-input", "nbval-ignore-output"]
for package in (
    "torch",
    "numpy",
    "scipy",
    "matplotlib",
    "jupyter-book",
    "jupytext",
    "nbval",
):
    try:
        told = version(package)
    except PackageNotFoundError:  # Colab needs none of those that make the book
        told = "not here"
    print(f"{package:>14} {told}")

# %% [markdown]
# ## Times
#
# On two CPU cores with a C++ compiler the quick trainings of the chapter on the Helmholtz equation
# took about 20 seconds each. What a step costs is on the page {doc}`speed`, what the published runs
# took on the page {doc}`published`. In a fresh clone `make env` took 1.5 minutes, the unit tests 9,
# `pytest --nbval book/` 11, `make book` one, and the checks in the browser 4. Times on a GPU are on
# the page {doc}`published`.
