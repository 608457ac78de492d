r"""Information: what activations tell of the input and of a target, as an estimator sees it.

A layer's activations T, ``(n_samples, n_neurons)``, become whole numbers by a rule (:class:`Paper`, :class:`FixedWidth`,
:class:`Quantile`, :class:`FixedRange`; :class:`Discrete` for what is discrete already).  The code of a sample is the tuple of its
neurons' numbers.  How often each tuple occurs gives the joint entropy H(T), which for a deterministic network is the
mutual information I(X; T), and with targets I(T; Y).  All are in bits, and none exceeds log2 N.

Beside it stand estimators that do not bin (:func:`noisy_information`, :func:`quantized_activity`), saturation in percent, and
controls.  :func:`analyse` measures all of a run.

Sources: the paper, section 2; Shwartz-Ziv and Tishby (2017); Saxe et al. (2018); Goldfeld et al. (2019); Chelombiev et al.
(2019); Lorenzen et al. (2022).
"""

from ..models import activations
from .analysis import Analysis, analyse
from .binnings import TOP, Discrete, FixedRange, FixedWidth, Paper, Quantile, Rule
from .controls import shuffle_labels, shuffle_neurons, untrained
from .entropy import binned_entropy, dimension_wise_entropy, discrete_entropy, miller_madow, neuron_entropy
from .mutual import Estimate, mutual_information
from .noise_injection import Noisy, noisy_information
from .quantization import quantize, quantized_activity
from .row_counts import counts
from .saturating import saturation

__all__ = [
    "TOP",
    "Analysis",
    "Discrete",
    "Estimate",
    "FixedRange",
    "FixedWidth",
    "Noisy",
    "Paper",
    "Quantile",
    "Rule",
    "activations",
    "analyse",
    "binned_entropy",
    "counts",
    "dimension_wise_entropy",
    "discrete_entropy",
    "miller_madow",
    "mutual_information",
    "neuron_entropy",
    "noisy_information",
    "quantize",
    "quantized_activity",
    "saturation",
    "shuffle_labels",
    "shuffle_neurons",
    "untrained",
]
