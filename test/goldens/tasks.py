"""Expected losses from PyTorch, entity scores from seqeval, and scores of several labels from scikit-learn.

Made with torch 2.13.0, seqeval 1.2.2, scikit-learn 1.9.1 on Python 3.11. Usage: python tasks.py > tasks.json
"""
import json
import random
import sys

import numpy as np
import torch
import torch.nn.functional as F
from seqeval.metrics import f1_score as entity_f1
from seqeval.metrics import precision_score, recall_score
from sklearn.metrics import accuracy_score, f1_score

torch.manual_seed(3)
rng = np.random.default_rng(11)
draw = random.Random(5)


def flat(x):
    return x.detach().double().flatten().tolist()


def with_gradient(name, x, others, loss):
    loss.backward()
    return {"name": name, "x": flat(x), **others, "loss": loss.item(), "gradient": flat(x.grad)}


losses = []
z = (torch.randn(4, 3) * 3).requires_grad_()
y = torch.randint(0, 2, (4, 3)).float()
losses.append(with_gradient("binary", z, {"labels": flat(y)}, F.binary_cross_entropy_with_logits(z, y)))

z = torch.randn(6, 3).requires_grad_()
y = torch.tensor([0, -100, 2, 1, -100, -100])
losses.append(with_gradient("tokens", z, {"labels": y.tolist()}, F.cross_entropy(z, y)))

# Bernoulli distributions softened by T, their divergence averaged over labels, times T squared.
z, t, T = torch.randn(4, 3).requires_grad_(), torch.randn(4, 3) * 2, 2.0
p, q = torch.sigmoid(t / T), torch.sigmoid(z / T)
kl = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
losses.append(with_gradient("soft binary", z, {"teacher": flat(t)}, T * T * kl.mean()))

# 1 - cos of each, and the mean over pairs of the squared difference of cosines, of widths 4 and 2 of 4.
for name, widths in (("vectors", [4]), ("vectors of two widths", [4, 2])):
    v, t = torch.randn(3, 4).requires_grad_(), torch.randn(3, 4)
    unit = lambda x: x / x.norm(dim=1, keepdim=True)
    relations = unit(t) @ unit(t).T
    apart = [((unit(v[:, :w]) @ unit(v[:, :w]).T - relations) ** 2).mean() for w in widths]
    loss = (1 - F.cosine_similarity(v, t)).mean() + sum(apart) / len(widths)
    losses.append(with_gradient(name, v, {"teacher": flat(t), "widths": widths}, loss))

entities = []
kinds = ("-PER", "-LOC")
sets = (
    ("IOB2", "BI", kinds),
    ("BIOES", "BIES", kinds),
    ("IOB1 and anything", "IBES", kinds),
    ("IOB2 without kinds", "BI", ("",)),
    ("BIOES without kinds", "BIES", ("",)),
)
for name, places, kinds in sets:
    names = ["O"] + [place + kind for kind in kinds for place in places]
    texts = [[draw.choice(names + ["O"] * 4) for _ in range(draw.randint(1, 9))] for _ in range(40)]
    said = [[tag if draw.random() < 0.8 else draw.choice(names) for tag in text] for text in texts]
    number = {label: i for i, label in enumerate(names)}
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text))
    entities.append(
        {
            "name": name,
            "names": names,
            "truth": [number[tag] for text in texts for tag in text],
            "predicted": [number[tag] for text in said for tag in text],
            "starts": starts,
            "precision": float(precision_score(texts, said)),
            "recall": float(recall_score(texts, said)),
            "f1": float(entity_f1(texts, said)),
        }
    )

truth = (rng.random((30, 4)) < [0.5, 0.3, 0.1, 0.0]).astype(int)
logits = np.round(np.where(rng.random((30, 4)) < 0.75, truth * 2 - 1, 1 - truth * 2) * (0.1 + rng.random((30, 4))), 4)
said = (logits >= 0).astype(int)
labels = {
    "truth": truth.flatten().tolist(),
    "logits": logits.flatten().tolist(),
    "micro_f1": f1_score(truth, said, average="micro", zero_division=0),
    "macro_f1": f1_score(truth, said, average="macro", zero_division=0),
    "accuracy": accuracy_score(truth, said),
}

json.dump({"losses": losses, "entities": entities, "labels": labels}, sys.stdout, separators=(",", ":"))
print()
