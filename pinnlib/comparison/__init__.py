"""Would another rule help on this problem?  The same trainings under several rules, compared seed by seed with the first.

.. code-block:: python

   comparison = pl.compare(problem, config, ["vanilla", "rba", "ramp", "data x 10"], seeds=5, folder="compare")
   print(comparison)            # a table, then the verdict in sentences
   comparison.plot()            # a figure
   comparison.runs["rba"][0]    # the runs, each a pl.Run

**What is compared** is the relative L2 error where the problem has a reference: the median over the probes of the last fifth of
a decade of steps, so that a burst at the last probe does not decide.  Without a reference there are two numbers, which are kept
apart: the mean squared residual at points that were not trained on, at the snapshots of the same steps; and the mean squared
misfit of the conditions at their points, without weights.  A trivial solution makes the first small, and heavy conditions the
second.  Neither is an error, and small ones do not prove a small error.

**The verdict** follows from the ratios of a rule's error to the baseline's, one a seed, by a rule that was set before any result:

* *helps*: at least 5 seeds, all ratios below 1, and their median below 0.8;
* *harms*: at least 5 seeds, all ratios above 1, and their median above 1.25;
* *no difference larger than 25%*: at least 5 seeds, and all ratios from 0.8 to 1.25;
* *cannot tell*: everything else, with the reason.

Without a reference the rule is asked of the residual and of the misfit, and where the two answers differ it is *cannot tell*.

A run that diverged is worse than any that did not.  Between two rules that do not differ, n seeds agree by chance in 2 / 2^n of
all comparisons.  A verdict holds at the size at which it was made, and says nothing of longer trainings or larger networks.
"""

from .measures import Measure
from .result import Comparison, Verdict, verdict
from .trying import compare

__all__ = ["Comparison", "Measure", "Verdict", "compare", "verdict"]
