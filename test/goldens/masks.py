"""What the analyses of src/topology/ take from statistics, from other code than ours.

    pip install numpy==2.4.6 scipy==1.17.1
    python test/goldens/masks.py > test/goldens/masks.json

Chances are scipy.stats.hypergeom's, in double precision; `correlations` are scipy.stats.spearmanr's, of numbers with and
without ties, as float32.
"""
import json
import sys

import numpy as np
import scipy
from scipy.stats import hypergeom, spearmanr

# Weights of a matrix, those kept, and those of a part: rows, columns and heads of small and of BERT-base's matrices.
PARTS = [(20, 7, 5), (20, 16, 7), (12, 12, 4), (12, 0, 4), (589_824, 294_912, 768), (589_824, 5_898, 768), (589_824, 589_000, 768),
         (589_824, 29_491, 49_152), (2_359_296, 23_592, 768), (2_359_296, 117_964, 3_072), (23_440_896, 1_172_044, 30_522)]


def part(all, kept, size):
    X = hypergeom(all, kept, size)
    mean, variance = float(X.mean()), float(X.var())
    deviation = variance**0.5
    limits = [int(mean + z * deviation) for z in (-4, -3, -1, 0, 2, 4)]
    return dict(all=all, kept=kept, size=size, mean=mean, deviation=deviation, none=float(X.pmf(0)), every=float(X.pmf(size)),
                limits=limits, atMost=[float(X.cdf(k)) for k in limits])


def correlation(name, first, second):
    first, second = np.float32(first), np.float32(second)
    return dict(name=name, first=first.tolist(), second=second.tolist(), rank=float(spearmanr(first, second).statistic))


rng = np.random.default_rng(5)
x, y = rng.normal(size=60), rng.normal(size=60)
correlations = [
    correlation("no ties", x, x + y),
    correlation("ties", np.round(x), np.round(x + 2 * y)),
    correlation("zeros of both signs", np.where(x > 0.3, x, -0.0 * np.sign(y)), np.where(y > 0, 0.0, x)),
    correlation("far apart in size", x * 10.0 ** rng.integers(-30, 30, 60), np.sign(x) * 10.0 ** rng.integers(-30, 30, 60)),
]
json.dump(dict(versions=dict(numpy=np.__version__, scipy=scipy.__version__), parts=[part(*p) for p in PARTS], correlations=correlations), sys.stdout)
sys.stdout.write("\n")
