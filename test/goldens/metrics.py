"""Expected metrics from scikit-learn and SciPy.

Made with scikit-learn 1.9.1, SciPy 1.17.1, NumPy 2.4.6 on Python 3.11. Usage: python metrics.py > metrics.json
"""
import json
import sys

import numpy as np
import scipy
import sklearn
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    matthews_corrcoef,
    mean_absolute_error,
    precision_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

rng = np.random.default_rng(7)
classes = []
for name, count, n in [("balanced", 2, 50), ("skewed", 2, 80), ("three", 3, 60), ("seven", 7, 40)]:
    truth = rng.integers(0, count, n) if name != "skewed" else (rng.random(n) < 0.1).astype(int)
    predicted = np.where(rng.random(n) < 0.6, truth, rng.integers(0, count, n))
    if name == "seven":  # one class that is never predicted, one that never occurs
        predicted[predicted == 2] = 3
        truth[truth == 5] = 4
    classes.append(
        {
            "name": name,
            "classes": count,
            "truth": truth.tolist(),
            "predicted": predicted.tolist(),
            "accuracy": accuracy_score(truth, predicted),
            "f1": f1_score(truth, predicted) if count == 2 else None,
            "macro_f1": f1_score(truth, predicted, average="macro", zero_division=0),
            "matthews": matthews_corrcoef(truth, predicted),
        }
    )

values = []
for name, n in [("noise", 40), ("ties", 40), ("monotone", 25), ("opposite", 30)]:
    truth = rng.random(n) * 5
    predicted = truth + rng.normal(size=n)
    if name == "ties":
        truth, predicted = np.round(truth), np.round(predicted)
    if name == "monotone":
        predicted = np.exp(truth)
    if name == "opposite":
        predicted = -truth
    truth, predicted = truth.astype(np.float32), predicted.astype(np.float32)
    values.append(
        {
            "name": name,
            "truth": truth.tolist(),
            "predicted": predicted.tolist(),
            "pearson": float(pearsonr(truth.astype(float), predicted.astype(float))[0]),
            "spearman": float(spearmanr(truth, predicted)[0]),
            "mae": mean_absolute_error(truth.astype(float), predicted.astype(float)),
            "rmse": root_mean_squared_error(truth.astype(float), predicted.astype(float)),
        }
    )

# Scores with ties, and what is said by them; on numbers of their own, so that those above stay.
rng = np.random.default_rng(9)
scores = []
for name, count, n in [("two", 2, 60), ("rare", 2, 90), ("four", 4, 70)]:
    truth = (rng.random(n) < 0.1).astype(int) if name == "rare" else rng.integers(0, count, n)
    logits = np.round(rng.normal(size=(n, count)) + 1.2 * np.eye(count)[truth], 1).astype(np.float32)
    predicted = logits.argmax(axis=1)
    powers = np.exp(logits.astype(float) - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    two = count == 2
    said = logits[:, 1].astype(float) - logits[:, 0] if two else shares
    scores.append(
        {
            "name": name,
            "classes": count,
            "truth": truth.tolist(),
            "logits": logits.flatten().tolist(),
            "precision": precision_score(truth, predicted) if two else None,
            "recall": recall_score(truth, predicted) if two else None,
            "balanced_accuracy": balanced_accuracy_score(truth, predicted),
            "roc_auc": roc_auc_score(truth, said, **({} if two else {"multi_class": "ovr"})),
            "average_precision": average_precision_score(truth if two else np.eye(count)[truth], said),
            "loss": log_loss(truth, shares),
        }
    )

made_with = f"scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}, NumPy {np.__version__}"
json.dump({"made_with": made_with, "classes": classes, "values": values, "scores": scores}, sys.stdout, separators=(",", ":"))
print()
