"""The floor by scikit-learn: TF-IDF with logistic or ridge regression on GLUE's tasks, with the settings of src/floor/.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
    python benchmarks/models/floor.py GLUE [sst2,mrpc,cola,rte,stsb [C [words|cosine|all]]]

C is 1 unless it is given; the fields of a pair are all: words are the two rows, cosine has that of the two beside. Seconds are of the processor. The other side: floor.mjs.
"""
import json
import os
import sys
import time

import numpy as np
import scipy.sparse as sparse
from scipy.stats import pearsonr, spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

# Folder, columns of the texts and the label (by number in a file without a header), the label of class 1.
TASKS = {
    "sst2": ("SST-2", ["sentence"], "label", "1"),
    "mrpc": ("MRPC", ["#1 String", "#2 String"], "Quality", "1"),
    "cola": ("CoLA", [3], 1, "1"),
    "rte": ("RTE", ["sentence1", "sentence2"], "label", "not_entailment"),
    "stsb": ("STS-B", ["sentence1", "sentence2"], "score", None),
}


def read(root, task, split):
    folder, texts, label, positive = TASKS[task]
    with open(os.path.join(root, folder, f"{split}.tsv"), encoding="utf-8-sig") as file:
        rows = [line.rstrip("\r\n").split("\t") for line in file]
    header = rows.pop(0) if isinstance(label, str) else None
    place = (lambda name: header.index(name)) if header else (lambda number: number)
    columns = [[row[place(name)] for row in rows] for name in texts]
    labels = [row[place(label)] for row in rows]
    return columns, np.array([float(y) if positive is None else int(y == positive) for y in labels])


def features(terms, columns, fields):
    rows = [terms.transform(column) for column in columns]
    if len(rows) == 1:
        return rows[0]
    u, v = rows
    cosine = sparse.csr_matrix(np.asarray(u.multiply(v).sum(1)).reshape(-1, 1))
    return sparse.hstack(dict(words=[u, v], cosine=[u, v, cosine], all=[u, v, abs(u - v), cosine])[fields]).tocsr()


def measure(task, truth, predicted):
    if task == "stsb":
        return dict(pearson=pearsonr(predicted, truth)[0], spearman=spearmanr(predicted, truth)[0])
    if task == "cola":
        return dict(matthews=matthews_corrcoef(truth, predicted), accuracy=accuracy_score(truth, predicted))
    found = dict(accuracy=accuracy_score(truth, predicted))
    return dict(found, f1=f1_score(truth, predicted)) if task == "mrpc" else found


root, tasks, strength, fields = (sys.argv[1:] + [",".join(TASKS), "1", "all"][len(sys.argv) - 2 :])[:4]
for task in tasks.split(","):
    (train, truth), (dev, judging) = read(root, task, "train"), read(root, task, "dev")
    start = time.process_time()
    terms = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, min_df=2, max_features=100_000, token_pattern=r"(?u)\b\w+\b"
    ).fit([text for column in train for text in column])
    x = features(terms, train, fields)
    if task == "stsb":
        mean, deviation = truth.mean(), truth.std()
        model = Ridge(alpha=1 / float(strength), solver="sparse_cg", tol=1e-10).fit(x, (truth - mean) / deviation)
        predicted = model.predict(features(terms, dev, fields)) * deviation + mean
    else:
        model = LogisticRegression(C=float(strength), tol=1e-6, max_iter=10_000).fit(x, truth)
        predicted = model.predict(features(terms, dev, fields))
    scores = {name: float(value) for name, value in measure(task, judging, predicted).items()}
    print(json.dumps(dict(task=task, terms=len(terms.vocabulary_), **scores, seconds=time.process_time() - start)), flush=True)
