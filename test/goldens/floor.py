"""Floors from scikit-learn: TF-IDF with logistic regression, and with ridge regression for pairs of texts.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
    python test/goldens/floor.py > test/goldens/floor.json

Texts are drawn from a few words. Features of a pair are the two rows, their absolute difference and their cosine, over
one vocabulary. A regression is fitted to values in units of their deviation, as it is here.
"""
import json
import sys

import numpy as np
import scipy
import scipy.sparse as sparse
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

WORDS = "The the a Café film FILM plot slow fast Ärger naïve хорошо ΣΟΦΟΣ 3 x_1 don't dull; bright, very!".split()
rng = np.random.default_rng(5)


def texts(n):
    return [" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(n)]


def vectorizer(all_texts):
    settings = dict(ngram_range=(1, 2), sublinear_tf=True, min_df=2, max_features=100_000, token_pattern=r"(?u)\b\w+\b")
    return TfidfVectorizer(**settings).fit(all_texts)


cases = []
for name, classes in [("two classes", 2), ("four classes", 4)]:
    train, dev = texts(60), texts(8)
    labels = rng.integers(0, classes, len(train))
    terms = vectorizer(train)
    model = LogisticRegression(tol=1e-10, max_iter=10_000).fit(terms.transform(train), labels)
    cases.append(
        dict(
            name=name,
            classes=classes,
            train=[dict(text=t, label=int(y)) for t, y in zip(train, labels)],
            dev=[dict(text=t) for t in dev],
            terms=sorted(terms.vocabulary_),
            idf=[float(terms.idf_[terms.vocabulary_[t]]) for t in sorted(terms.vocabulary_)],
            answers=model.predict_proba(terms.transform(dev)).round(7).tolist(),
        )
    )

first, second, left, right = texts(60), texts(60), texts(8), texts(8)
right[0] = left[0]
values = np.round(100 + 40 * rng.random(len(first)), 1)
terms = vectorizer(first + second)


def pairs(a, b):
    u, v = terms.transform(a), terms.transform(b)
    cosine = sparse.csr_matrix(np.asarray(u.multiply(v).sum(1)).reshape(-1, 1))
    return sparse.hstack([u, v, abs(u - v), cosine]).tocsr()


mean, deviation = values.mean(), values.std()
model = Ridge(alpha=1.0, solver="sparse_cg", tol=1e-12).fit(pairs(first, second), (values - mean) / deviation)
cases.append(
    dict(
        name="values of pairs",
        classes=0,
        train=[dict(text=a, pair=b, label=float(y)) for a, b, y in zip(first, second, values)],
        dev=[dict(text=a, pair=b) for a, b in zip(left, right)],
        terms=sorted(terms.vocabulary_),
        idf=[float(terms.idf_[terms.vocabulary_[t]]) for t in sorted(terms.vocabulary_)],
        answers=(model.predict(pairs(left, right)) * deviation + mean).round(5).tolist(),
    )
)
for case in cases:
    case["idf"] = [round(x, 7) for x in case["idf"]]

versions = dict(numpy=np.__version__, scipy=scipy.__version__, sklearn=sklearn.__version__)
json.dump(dict(versions=versions, cases=cases), sys.stdout, ensure_ascii=False, separators=(",", ":"))
sys.stdout.write("\n")
