"""Losses and gradients from PyTorch: weighted classes, smoothed labels, focal and mixed losses, values.

Made with torch 2.13.0 on Python 3.11. Usage: python objectives.py > objectives.json
"""
import json
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(5)
WEIGHTS = [0.5, 1.0, 3.0]


def flat(x):
    return x.detach().double().flatten().tolist()


def case(head, objective, labels, rows, width, loss):
    # One logit far out: a sure answer, whose 1 - p is 0 in float32.
    x = torch.randn(rows, width) * 2
    x[0, 0] = 40.0
    x.requires_grad_()
    value = loss(x)
    value.backward()
    return {
        "head": head,
        "objective": objective,
        "labels": labels.flatten().tolist(),
        "x": flat(x),
        "loss": value.item(),
        "gradient": flat(x.grad),
    }


def focal(z, y, gamma, weights=None, smoothing=0.0):
    logs = F.log_softmax(z, dim=1)
    target = F.one_hot(y, z.shape[1]) * (1 - smoothing) + smoothing / z.shape[1]
    w = torch.ones(z.shape[1]) if weights is None else torch.tensor(weights)
    return -(w * target * (1 - logs.exp()) ** gamma * logs).sum() / w[y].sum()


def binary_focal(z, y, gamma):
    # As torchvision.ops.sigmoid_focal_loss without alpha.
    p = torch.sigmoid(z)
    missing = 1 - (p * y + (1 - p) * (1 - y))
    return (F.binary_cross_entropy_with_logits(z, y, reduction="none") * missing**gamma).mean()


w = torch.tensor(WEIGHTS)
y = torch.tensor([0, 2, 1, 0, 2, 2])
words = torch.tensor([0, -100, 2, 1, -100, 2])
held = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0]]).float()
values = torch.tensor([1.5, -0.5, 0.2, 3.0])
FOCAL = [{"loss": "focal", "share": 1}]
HALVES = [{"loss": "cross-entropy", "share": 0.7}, {"loss": "focal", "share": 0.3}]
cases = [
    case("classification", {"weights": WEIGHTS}, y, 6, 3, lambda z: F.cross_entropy(z, y, weight=w)),
    case("classification", {"smoothing": 0.1}, y, 6, 3, lambda z: F.cross_entropy(z, y, label_smoothing=0.1)),
    case(
        "classification",
        {"weights": WEIGHTS, "smoothing": 0.2},
        y,
        6,
        3,
        lambda z: F.cross_entropy(z, y, weight=w, label_smoothing=0.2),
    ),
    case("classification", {"mix": FOCAL}, y, 6, 3, lambda z: focal(z, y, 2)),
    case(
        "classification",
        {"mix": FOCAL, "gamma": 1.5, "weights": WEIGHTS, "smoothing": 0.1},
        y,
        6,
        3,
        lambda z: focal(z, y, 1.5, WEIGHTS, 0.1),
    ),
    case("classification", {"mix": HALVES}, y, 6, 3, lambda z: 0.7 * F.cross_entropy(z, y) + 0.3 * focal(z, y, 2)),
    case("tokens", {"weights": WEIGHTS}, words, 6, 3, lambda z: F.cross_entropy(z, words, weight=w)),
    case(
        "tokens",
        {"weights": WEIGHTS, "smoothing": 0.1},
        words,
        6,
        3,
        lambda z: F.cross_entropy(z, words, weight=w, label_smoothing=0.1),
    ),
    case(
        "multi-label",
        {"weights": WEIGHTS},
        held,
        4,
        3,
        lambda z: F.binary_cross_entropy_with_logits(z, held, pos_weight=w),
    ),
    case(
        "multi-label",
        {"smoothing": 0.1},
        held,
        4,
        3,
        lambda z: F.binary_cross_entropy_with_logits(z, held * 0.9 + 0.05),
    ),
    case("multi-label", {"mix": FOCAL}, held, 4, 3, lambda z: binary_focal(z, held, 2)),
    case(
        "regression",
        {"mix": [{"loss": "absolute", "share": 1}]},
        values,
        4,
        1,
        lambda z: F.l1_loss(z[:, 0], values),
    ),
    case("regression", {"mix": [{"loss": "huber", "share": 1}]}, values, 4, 1, lambda z: F.huber_loss(z[:, 0], values)),
    case(
        "regression",
        {"mix": [{"loss": "squared", "share": 0.5}, {"loss": "absolute", "share": 2}]},
        values,
        4,
        1,
        lambda z: 0.5 * F.mse_loss(z[:, 0], values) + 2 * F.l1_loss(z[:, 0], values),
    ),
]
json.dump(cases, sys.stdout)
sys.stdout.write("\n")
