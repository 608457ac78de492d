"""How long threads wait for each other before they let go of their core."""

import os
import subprocess
import sys

import pytest

SAY = "import os; print(os.environ.get('GOMP_SPINCOUNT'), os.environ.get('OMP_WAIT_POLICY'))"


def said(code, **given):
    environment = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")} | given
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()


def test_set_before_torch_is_loaded():
    assert said(f"import pinnlib; {SAY}") == ["2000", "None"]


@pytest.mark.parametrize("given", [{"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "ACTIVE"}])
def test_what_the_user_says_stays(given):
    assert said(f"import pinnlib; {SAY}", **given) == [given.get("GOMP_SPINCOUNT", "None"), given.get("OMP_WAIT_POLICY", "None")]


def test_too_late_once_torch_is_there():
    assert said(f"import torch, pinnlib; {SAY}") == ["None", "None"]
