"""Settings of the unit tests."""

import torch

# Tiny tensors gain nothing from a second thread, and lose much where the machine is busy.
torch.set_num_threads(1)
