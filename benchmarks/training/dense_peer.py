"""Hugging Face transformers fine-tuning one task of GLUE with Espalier's recipe: its scores after every epoch.

    python3 -m venv .venv && .venv/bin/pip install torch transformers scipy scikit-learn
    .venv/bin/python benchmarks/training/dense_peer.py MODEL sst2|cola|mrpc|rte|stsb GLUE
        [--epochs 3 --lr 5e-5 --batch 32 --seed 0 --threads 1 --limit 0]

GLUE is the folder that has SST-2, CoLA and the others. AdamW with weight decay 0.01 on all but biases and LayerNorm, linear
warm-up over 10 % of the steps and linear decay, clipping at 1, at most 128 tokens, texts padded to the longest of their batch.
Prints one JSON line.
"""

import argparse
import json
import time

import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from transformers import AutoModelForSequenceClassification, AutoTokenizer

a = argparse.ArgumentParser()
a.add_argument("model"), a.add_argument("task"), a.add_argument("data")
a.add_argument("--epochs", type=int, default=3), a.add_argument("--lr", type=float, default=5e-5)
a.add_argument("--batch", type=int, default=32), a.add_argument("--seed", type=int, default=0)
a.add_argument("--threads", type=int, default=1)
a.add_argument("--limit", type=int, default=0, help="train on the first examples only; 0: on all")
o = a.parse_args()
torch.set_num_threads(o.threads), torch.manual_seed(o.seed)

# Folder, and the columns of the texts and of the label: CoLA's files have no header.
TASKS = {
    "sst2": ("SST-2", ["sentence"], "label"),
    "cola": ("CoLA", [3], 1),
    "mrpc": ("MRPC", ["#1 String", "#2 String"], "Quality"),
    "rte": ("RTE", ["sentence1", "sentence2"], "label"),
    "stsb": ("STS-B", ["sentence1", "sentence2"], "score"),
}
folder, texts, gold = TASKS[o.task]
is_value = o.task == "stsb"


def label(cell):
    if is_value:
        return float(cell)
    return ["entailment", "not_entailment"].index(cell) if o.task == "rte" else int(cell)


def read(split):
    lines = open(f"{o.data}/{folder}/{split}.tsv", encoding="utf8").read().rstrip("\n").split("\n")
    rows = [line.split("\t") for line in lines]
    names = range(len(rows[0])) if o.task == "cola" else rows.pop(0)
    place = {name: i for i, name in enumerate(names)}
    return [([row[place[name]] for name in texts], label(row[place[gold]])) for row in rows]


tokenizer = AutoTokenizer.from_pretrained(o.model)


def encode(rows):
    return [(tokenizer(*cells, truncation=True, max_length=128), y) for cells, y in rows]


train, dev = encode(read("train")[: o.limit or None]), encode(read("dev"))
model = AutoModelForSequenceClassification.from_pretrained(o.model, num_labels=1 if is_value else 2)


def batch(rows):
    width = max(len(row["input_ids"]) for row, _ in rows)
    names = ("input_ids", "token_type_ids", "attention_mask")
    inputs = {name: torch.tensor([row[name] + [0] * (width - len(row[name])) for row, _ in rows]) for name in names}
    return inputs, torch.tensor([y for _, y in rows], dtype=torch.float32 if is_value else torch.long)


def judge():
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(**batch(dev[i : i + 64])[0]).logits for i in range(0, len(dev), 64)]).numpy()
    model.train()
    truth = [y for _, y in dev]
    if is_value:
        found = {"pearson": pearsonr(logits[:, 0], truth)[0], "spearman": spearmanr(logits[:, 0], truth)[0]}
    else:
        said = logits.argmax(1)
        found = {"accuracy": accuracy_score(truth, said)}
        if o.task == "cola":
            found["matthews"] = matthews_corrcoef(truth, said)
        if o.task == "mrpc":
            found["f1"] = f1_score(truth, said)
    return {name: float(value) for name, value in found.items()}


def decays(name):
    return not (name.endswith("bias") or "LayerNorm" in name)


named = list(model.named_parameters())
optimizer = torch.optim.AdamW(
    [
        {"params": [p for n, p in named if decays(n)], "weight_decay": 0.01},
        {"params": [p for n, p in named if not decays(n)], "weight_decay": 0.0},
    ],
    lr=o.lr,
    fused=True,
)
steps = -(-len(train) // o.batch) * o.epochs
warm = max(1, round(0.1 * steps))
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: (s + 1) / warm if s < warm else max(0.0, (steps - s) / max(1, steps - warm))
)
generator = torch.Generator().manual_seed(o.seed)
start, epochs = time.time(), []
model.train()
for _ in range(o.epochs):
    order = torch.randperm(len(train), generator=generator).tolist()
    for i in range(0, len(order), o.batch):
        x, y = batch([train[j] for j in order[i : i + o.batch]])
        logits = model(**x).logits
        loss = (
            torch.nn.functional.mse_loss(logits[:, 0], y) if is_value else torch.nn.functional.cross_entropy(logits, y)
        )
        optimizer.zero_grad(), loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step(), schedule.step()
    epochs.append(judge())
print(json.dumps({"epochs": epochs, "seconds": round(time.time() - start, 1)}))
