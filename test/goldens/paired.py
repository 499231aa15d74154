"""Two models on the same examples: McNemar's exact test, Tango's interval and paired bootstraps, from other code than ours.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0
    python test/goldens/paired.py > test/goldens/paired.json

p is statsmodels'. The interval inverts Tango's score statistic with the constrained likelihood maximised numerically,
not by its closed form. Bootstraps are scipy.stats.bootstrap of the difference, with 5,000 resamples: ours has fewer and
other draws, so the two agree to a share of the interval's width.
"""
import json
import sys

import numpy as np
import scipy
import statsmodels
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import bootstrap, norm, rankdata
from statsmodels.stats.contingency_tables import mcnemar

Z = norm.ppf(0.975)
COUNTS = [(30, 52, 872), (0, 0, 872), (12, 2, 50), (5, 0, 40), (0, 6, 40), (9, 2, 100), (1, 1, 10), (400, 300, 5463), (20000, 20300, 1000000)]


def constrained(b, c, n, delta):
    """The share p21 that maximises the likelihood of (b, c, n - b - c) under p12 = p21 + delta."""
    low, high = max(0.0, -delta), (1 - delta) / 2

    def loss(q):
        cells = [(b, q + delta), (c, q), (n - b - c, 1 - 2 * q - delta)]
        return -sum(k * np.log(max(p, 1e-300)) for k, p in cells if k > 0)

    return minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-13}).x


def statistic(b, c, n, delta):
    q = constrained(b, c, n, delta)
    return (b - c - n * delta) / np.sqrt(n * (2 * q + delta * (1 - delta)))


def tango(b, c, n):
    centre = (b - c) / n
    edge = 1e-9
    low = brentq(lambda d: statistic(b, c, n, d) - Z, -1 + edge, centre - edge, xtol=1e-12)
    high = brentq(lambda d: statistic(b, c, n, d) + Z, centre + edge, 1 - edge, xtol=1e-12)
    return low, high


counts = []
for b, c, n in COUNTS:
    low, high = tango(b, c, n)
    p = mcnemar([[n - b - c, c], [b, 0]], exact=True).pvalue
    counts.append(dict(gained=b, lost=c, examples=n, p=min(1.0, float(p)), low=low, high=high))

rng = np.random.default_rng(11)
answers = []


def f1(t, p):
    return 2 * np.sum(t * p) / (np.sum(t) + np.sum(p))


def pearson(t, p):
    return np.corrcoef(t, p)[0, 1]  # of two classes Matthews' correlation is Pearson's


def accuracy(t, p):
    return np.mean(t == p)


def rank(x):
    return rankdata(x, axis=-1)


def add(name, measure, truth, before, after, value):
    found = bootstrap(
        (truth, before, after),
        lambda t, a, b: value(t, b) - value(t, a),
        paired=True,
        vectorized=False,
        n_resamples=5000,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval
    answers.append(dict(name=name, measure=measure, truth=truth.tolist(), before=before.tolist(), after=after.tolist(),
                        difference=float(value(truth, after) - value(truth, before)), low=float(found.low), high=float(found.high)))


n = 150
truth = (rng.random(n) < 0.65).astype(int)
before = np.where(rng.random(n) < 0.85, truth, 1 - truth)
after = np.where(rng.random(n) < 0.8, before, 1 - before)
classes = dict(task="classification")
add("f1", dict(classes, metrics=["f1"], primary="f1"), truth, before, after, f1)
add("matthews", dict(classes, metrics=["matthews"], primary="matthews"), truth, before, after, pearson)
add("mean of accuracy and f1", dict(classes, metrics=["accuracy", "f1"], primary="mean"), truth, before, after,
    lambda t, p: (accuracy(t, p) + f1(t, p)) / 2)
values = np.round(rng.random(n) * 5, 1)
first = np.round(values + rng.normal(size=n), 3)
second = np.round(values + 1.4 * rng.normal(size=n), 3)
add("mean of both correlations", dict(task="regression", metrics=["pearson", "spearman"], primary="mean"), values, first, second,
    lambda t, p: (pearson(t, p) + pearson(rank(t), rank(p))) / 2)

versions = dict(numpy=np.__version__, scipy=scipy.__version__, statsmodels=statsmodels.__version__)
json.dump(dict(versions=versions, counts=counts, answers=answers), sys.stdout)
sys.stdout.write("\n")
