"""Movement pruning in PyTorch, to set beside `--method movement`: does a collapse come from our code or from the method?

    python3 -m venv .venv && .venv/bin/pip install torch transformers
    .venv/bin/python benchmarks/training/movement_peer.py MODEL_DIR SST-2_DIR --sparsity 0.5 [--steps 800 --seed 0 --sgd --probe]

Masks as in the authors' code (hard movement: TopK of each matrix's scores, straight-through gradient, scores from 0 with a
learning rate of their own, cubic schedule), with our recipe: 25,600 rows, batches of 32, warm-up 10 %, embedding tables frozen.
`--sgd` learns the scores by plain gradient descent. `--probe` stops where pruning would begin and prints the loss with the
lowest, the highest and random scores removed at once. Prints one JSON line.
"""

import argparse
import json

import numpy as np
import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertForSequenceClassification

BATCH, ROWS, START, UNTIL = 32, 25600, 0.1, 0.8

cli = argparse.ArgumentParser()
cli.add_argument("model")
cli.add_argument("data", help="folder with SST-2's train.tsv and dev.tsv")
cli.add_argument("--sparsity", type=float, default=0.5)
cli.add_argument("--steps", type=int, default=800)
cli.add_argument("--seed", type=int, default=0)
cli.add_argument("--lr", type=float, default=1e-4)
cli.add_argument("--mask-lr", type=float, default=1e-2)
cli.add_argument("--sgd", action="store_true")
cli.add_argument("--probe", action="store_true")
options = cli.parse_args()
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(options.seed)
order = np.random.default_rng(options.seed)


def read(split, limit=None):
    rows = [line.rstrip("\n").split("\t") for line in open(f"{options.data}/{split}.tsv", encoding="utf8")][1:]
    if limit:
        rows = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:limit]]
    return [(code.ids, int(row[1])) for code, row in zip(tokenizer.encode_batch([row[0] for row in rows]), rows)]


tokenizer = BertWordPieceTokenizer(f"{options.model}/vocab.txt", lowercase=True)
tokenizer.enable_truncation(128)
train, dev = read("train", ROWS), read("dev")


class TopK(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, keep):
        mask = torch.zeros_like(scores).flatten()
        mask[scores.flatten().argsort(descending=True)[: int(keep * mask.numel())]] = 1
        return mask.view_as(scores)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class Masked(torch.nn.Linear):
    keep = 1.0

    def forward(self, x):
        return torch.nn.functional.linear(x, self.weight * TopK.apply(self.mask_scores, Masked.keep), self.bias)


model = BertForSequenceClassification.from_pretrained(options.model, num_labels=2).to(device)
for module in model.bert.encoder.modules():
    if type(module) is torch.nn.Linear:
        module.__class__ = Masked
        module.mask_scores = torch.nn.Parameter(torch.zeros_like(module.weight))


def batch(items):
    width = max(len(ids) for ids, _ in items)
    ids = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in items], device=device)
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in items], device=device)
    return dict(input_ids=ids, attention_mask=mask), torch.tensor([label for _, label in items], device=device)


def loss_of(items):
    inputs, labels = batch(items)
    return torch.nn.functional.cross_entropy(model(**inputs).logits, labels)


@torch.no_grad()
def accuracy():
    model.eval()
    right = 0
    for i in range(0, len(dev), 64):
        inputs, labels = batch(dev[i : i + 64])
        right += int((model(**inputs).logits.argmax(1) == labels).sum())
    return round(100 * right / len(dev), 1)


@torch.no_grad()
def probe():
    model.eval()
    picked = np.random.default_rng(9).choice(len(train), (4, 256))
    mean = lambda: round(float(np.mean([float(loss_of([train[j] for j in row])) for row in picked])), 4)
    result = {}
    fills = dict(lowest=lambda m: m, highest=lambda m: m.neg_(), random=lambda m: m.copy_(torch.randn_like(m)))
    for name, fill in fills.items():
        for scores in masks:
            fill(scores)
        for share in (0, 0.001, 0.01, 0.05, 0.1, 0.2):
            Masked.keep = 1 - share
            result[f"{name} {share}"] = mean()
    return result


for name, parameter in model.named_parameters():
    parameter.requires_grad_(not name.endswith("_embeddings.weight"))
live = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
masks = [p for name, p in live if "mask_scores" in name]
is_plain = lambda name: name.endswith(("bias", "LayerNorm.weight"))
groups = [
    dict(params=[p for name, p in live if not is_plain(name) and "mask_scores" not in name], weight_decay=0.01),
    dict(params=[p for name, p in live if is_plain(name)], weight_decay=0.0),
]
scores = dict(params=masks, lr=options.mask_lr, weight_decay=0.0)
optimizers = [torch.optim.AdamW(groups + ([] if options.sgd else [scores]), lr=options.lr)]
if options.sgd:
    optimizers.append(torch.optim.SGD(masks, lr=options.mask_lr))
warm_up = max(1, options.steps // 10)
rate = lambda step: min((step + 1) / warm_up, max(0.0, (options.steps - step) / (options.steps - warm_up)))
schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, rate) for optimizer in optimizers]

model.train()
losses, rows = [], np.array([], int)
for step in range(options.steps):
    if len(rows) < BATCH:
        rows = order.permutation(len(train))
    now, rows = rows[:BATCH], rows[BATCH:]
    done = min(1, max(0, (step / options.steps - START) / (UNTIL - START)))
    if options.probe and done > 0:
        print(json.dumps(dict(probe=step, steps=options.steps, seed=options.seed, **probe())))
        raise SystemExit
    Masked.keep = 1 - options.sparsity * (1 - (1 - done) ** 3)
    loss = loss_of([train[j] for j in now])
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    losses.append(float(loss.detach()))
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer, schedule in zip(optimizers, schedules):
        optimizer.step()
        schedule.step()
window = max(1, options.steps // 20)
curve = [round(float(np.mean(losses[i : i + window])), 3) for i in range(0, len(losses), window)]
print(json.dumps({**vars(options), "model": None, "data": None, "accuracy": accuracy(), "curve": curve}))
