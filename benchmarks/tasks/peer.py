"""Hugging Face transformers on labels of words or several labels of a text, with Espalier's recipe: scores to set beside ours.

    python3 -m venv .venv && .venv/bin/pip install torch transformers seqeval scikit-learn
    .venv/bin/python benchmarks/tasks/peer.py MODEL entities|topics DATA [--epochs 3 --lr 1e-4 --batch 32 --seed 0 --threads 2]

DATA is a folder of benchmarks/tasks/generate.mjs. AdamW with weight decay 0.01 on all but biases and LayerNorm, linear warm-up
over 10 % of the steps and linear decay, clipping at 1, texts padded to the longest of their batch. The model after the last
step is judged, by seqeval and by scikit-learn. Prints one JSON line.
"""
import argparse
import json
import time

import torch
from seqeval.metrics import f1_score as entity_f1
from sklearn.metrics import f1_score
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

a = argparse.ArgumentParser()
a.add_argument("model"), a.add_argument("task"), a.add_argument("data")
a.add_argument("--epochs", type=int, default=3), a.add_argument("--lr", type=float, default=1e-4)
a.add_argument("--batch", type=int, default=32), a.add_argument("--seed", type=int, default=0)
a.add_argument("--threads", type=int, default=2)
o = a.parse_args()
torch.set_num_threads(o.threads), torch.manual_seed(o.seed)
tokenizer = AutoTokenizer.from_pretrained(o.model)


def entities(split):
    blocks = open(f"{o.data}/entities/{split}.conll", encoding="utf8").read().strip().split("\n\n")
    return [list(zip(*(line.split("\t") for line in block.split("\n")))) for block in blocks]


def topics(split):
    return [json.loads(line) for line in open(f"{o.data}/topics/{split}.jsonl", encoding="utf8")]


raw = {split: (entities if o.task == "entities" else topics)(split) for split in ("train", "dev")}
if o.task == "entities":
    names = sorted({tag for _, tags in raw["train"] for tag in tags})
else:
    names = sorted({label for row in raw["train"] for label in row["label"]})


def encode(row):
    if o.task == "topics":
        ids = tokenizer(row["text"], truncation=True, max_length=128)["input_ids"]
        return ids, [float(name in row["label"]) for name in names]
    words, tags = row
    e = tokenizer(list(words), is_split_into_words=True, truncation=True, max_length=128)
    labels, before = [], None
    for word in e.word_ids():
        labels.append(-100 if word is None or word == before else names.index(tags[word]))
        before = word
    return e["input_ids"], labels


train, dev = [[encode(row) for row in raw[split]] for split in ("train", "dev")]
kind = AutoModelForTokenClassification if o.task == "entities" else AutoModelForSequenceClassification
extra = {} if o.task == "entities" else {"problem_type": "multi_label_classification"}
model = kind.from_pretrained(o.model, num_labels=len(names), **extra)


def batch(rows):
    width = max(len(ids) for ids, _ in rows)
    fill = lambda values, pad: torch.tensor([v + [pad] * (width - len(v)) for v in values])
    ids = fill([ids for ids, _ in rows], 0)
    mask = fill([[1] * len(ids) for ids, _ in rows], 0)
    labels = fill([y for _, y in rows], -100) if o.task == "entities" else torch.tensor([y for _, y in rows])
    return dict(input_ids=ids, attention_mask=mask, labels=labels)


def decays(name):
    return not (name.endswith("bias") or "LayerNorm" in name)


groups = [
    dict(params=[p for n, p in model.named_parameters() if decays(n)], weight_decay=0.01),
    dict(params=[p for n, p in model.named_parameters() if not decays(n)], weight_decay=0.0),
]
optimizer = torch.optim.AdamW(groups, lr=o.lr)
per_epoch = -(-len(train) // o.batch)
steps = per_epoch * o.epochs
warm = max(1, round(0.1 * steps))
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: (s + 1) / warm if s < warm else max(0.0, (steps - s) / max(1, steps - warm))
)
generator = torch.Generator().manual_seed(o.seed)
start = time.time()
model.train()
for _ in range(o.epochs):
    order = torch.randperm(len(train), generator=generator).tolist()
    for i in range(0, len(order), o.batch):
        loss = model(**batch([train[j] for j in order[i : i + o.batch]])).loss
        optimizer.zero_grad(), loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step(), schedule.step()
seconds = time.time() - start

model.eval()
truth, said = [], []
with torch.no_grad():
    for i in range(0, len(dev), 64):
        rows = batch(dev[i : i + 64])
        labels = rows.pop("labels")
        logits = model(**rows).logits
        if o.task == "entities":
            best = logits.argmax(-1)
            for y, z in zip(labels, best):
                kept = y != -100
                truth.append([names[k] for k in y[kept]]), said.append([names[k] for k in z[kept]])
        else:
            truth += labels.int().tolist()
            said += (logits >= 0).int().tolist()
score = entity_f1(truth, said) if o.task == "entities" else f1_score(truth, said, average="micro")
print(json.dumps({"task": o.task, "seed": o.seed, "score": float(score), "seconds": round(seconds, 1)}))
