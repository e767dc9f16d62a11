"""What is told of articles by row: which, what they score, which pass."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]

# A filter that leaves out less than this share of all articles, such as those taken down, is none to speak of.
LEFT_OUT_SHARE = 0.01


def narrows(allowed: Mask) -> bool:
    """Return whether a filter leaves out more articles than a few."""
    return int(np.count_nonzero(allowed)) < (1 - LEFT_OUT_SHARE) * len(allowed)
