"""How long threads wait for each other before they let go of their core."""

import os
import subprocess
import sys

import pytest

SAY = "import os; print(os.environ.get('GOMP_SPINCOUNT'), os.environ.get('OMP_WAIT_POLICY'))"

# Says it at the moment when pinnlib asks for torch, whose own seconds are spared.
STOPPED = f"""
import sys
class Stop:
    def find_spec(self, name, *_):
        if name == "torch":
            {SAY}
            sys.exit()
sys.meta_path.insert(0, Stop())
import pinnlib
"""


def said(code, **given):
    environment = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")} | given
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()


def test_set_before_torch_is_loaded():
    assert said(STOPPED) == ["2000", "None"]


@pytest.mark.parametrize("given", [{"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "ACTIVE"}])
def test_what_the_user_says_stays(given):
    assert said(STOPPED, **given) == [given.get("GOMP_SPINCOUNT", "None"), given.get("OMP_WAIT_POLICY", "None")]


def test_too_late_once_torch_is_there():
    assert said(f"import torch, pinnlib; {SAY}") == ["None", "None"]
