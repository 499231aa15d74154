"""What PyTorch and Hugging Face transformers compute: the goldens that our forward pass, gradients and training loop meet.

    python3 -m venv .venv
    .venv/bin/pip install torch==2.13.0 transformers==5.18.0 tokenizers==0.23.2 safetensors numpy
    .venv/bin/python from_torch.py MODELS DATA OUT

MODELS holds wiki-bert-6x256/, DATA holds SST-2/train.tsv and dev.tsv, OUT receives
    tiny-bert.json    three tiny networks of made-up weights: logits, loss, every gradient
    wiki-bert.json    the 6 x 256 model with a made-up head on 8 dev sentences of SST-2: logits, loss, samples of every gradient
    loss-curve.json   50 steps of fine-tuning it: losses, gradient norms, rates

Made-up numbers come from `value(name, i)` below, integer arithmetic only, so that test/support/golden.ts makes the
same bits without storing them. tiny-bert and wiki-bert are computed in float64 and stored as float32, so that they carry
no rounding error of their own; loss-curve is float32, what a user of PyTorch gets, with the float64 run beside it.
Run with the versions above; each output repeats them.
"""

import argparse
import base64
import json
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

VERSIONS = dict(torch=torch.__version__, transformers=transformers.__version__, tokenizers=tokenizers.__version__)
MASK32 = 0xFFFFFFFF


# Made-up numbers -------------------------------------------------------------------------------------------------

def fnv1a(name):
    """FNV-1a, 32 bits, of a name in ASCII."""
    h = 0x811C9DC5
    for c in name.encode("ascii"):
        h = ((h ^ c) * 0x01000193) & MASK32
    return h


def hashes(name, n):
    """32 unsigned bits for each i < n: a multiply-xorshift hash of (name, i), all arithmetic modulo 2^32."""
    i = np.arange(n, dtype=np.uint64)
    h = (np.uint64(fnv1a(name)) ^ ((i + 1) * np.uint64(0x9E3779B1))) & np.uint64(MASK32)
    h = ((h ^ (h >> np.uint64(15))) * np.uint64(0x2C1B3CE5)) & np.uint64(MASK32)
    h = ((h ^ (h >> np.uint64(13))) * np.uint64(0x297A2D39)) & np.uint64(MASK32)
    return h ^ (h >> np.uint64(16))


def value(name, n):
    """n numbers in [-1, 1): hash / 2^31 - 1, exact in float64."""
    return hashes(name, n).astype(np.float64) / 2**31 - 1


def made_up(name, shape, matrix_scale, bias_scale):
    """A parameter, by the end of its name; u = value(name, i), rounded to float32 at the end."""
    u = value(name, int(np.prod(shape))).reshape(shape)
    if name.endswith("LayerNorm.weight"):
        w = 1 + 0.2 * u
    elif name.endswith("bias"):
        w = bias_scale * u
    else:
        w = matrix_scale * u
    return torch.from_numpy(w.astype(np.float32))


TINY_SCALES = (0.4, 0.1)  # large enough that softmax and the activation leave their linear range
HEAD_SCALES = (0.035, 0.0)  # a standard deviation of 0.02, as BERT's initialiser has


def fill(model, scales, wanted=lambda name: True):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if wanted(name):
                p.copy_(made_up(name, tuple(p.shape), *scales))


# Writing ---------------------------------------------------------------------------------------------------------

def floats(tensor):
    """Little-endian float32 in base64: exact, and a third of the size of decimals."""
    return base64.b64encode(tensor.detach().to(torch.float32).contiguous().numpy().astype("<f4").tobytes()).decode()


def rounded(tensor):
    """Nested lists of numbers, 9 significant digits."""
    return json.loads(json.dumps(tensor.detach().double().tolist()), parse_float=lambda s: float(f"{float(s):.9g}"))


def lines(value, indent=""):
    """JSON with a line for every record or array that holds no other record."""
    inner = indent + " "
    if isinstance(value, dict) and any(isinstance(v, (dict, list)) for v in value.values()) and not {"index", "gradient"} & set(value):
        return "{\n" + ",\n".join(f"{inner}{json.dumps(k)}: {lines(v, inner)}" for k, v in value.items()) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return "[\n" + ",\n".join(inner + lines(v, inner) for v in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def write(path, **content):
    path.write_text(lines(dict(script="test/goldens/from_torch.py", versions=VERSIONS, **content)) + "\n")
    print(path.name, path.stat().st_size)


# a. Tiny networks ------------------------------------------------------------------------------------------------

TINY = dict(vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=16, type_vocab_size=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            layer_norm_eps=1e-12, pad_token_id=0)
IDS = [[2, 11, 7, 23, 3, 41, 9, 3], [2, 30, 30, 5, 3, 0, 0, 0], [2, 49, 3, 8, 3, 0, 0, 0]]
TYPES = [[0, 0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0, 0]]
MASK = [[1] * 8, [1] * 5 + [0] * 3, [1] * 5 + [0] * 3]
LABELS = dict(classification=[0, 2, 1], regression=[0.5, -1.25, 2.0],
              mlm=[[-100, 17, -100, 23, -100, -100, 40, -100], [-100, -100, 31, -100, -100, -100, -100, -100],
                   [-100, 49, -100, 12, -100, -100, -100, -100]])
CASES = [("gelu", "classification"), ("gelu", "regression"), ("gelu", "mlm"), ("gelu_new", "classification"),
         ("gelu_new", "mlm"), ("relu", "classification"), ("relu", "mlm")]


def tiny(activation, head):
    extra = dict(classification=dict(num_labels=3), regression=dict(num_labels=1, problem_type="regression"), mlm={})[head]
    config = BertConfig(**TINY, hidden_act=activation, attn_implementation="eager", **extra)
    model = (BertForMaskedLM if head == "mlm" else BertForSequenceClassification)(config)
    fill(model, TINY_SCALES)
    return model.double()


def tiny_case(activation, head):
    model = tiny(activation, head)
    labels = torch.tensor(LABELS[head], dtype=torch.float64 if head == "regression" else torch.long)
    out = model(input_ids=torch.tensor(IDS), token_type_ids=torch.tensor(TYPES), attention_mask=torch.tensor(MASK), labels=labels)
    out.loss.backward()
    parameters = {n: dict(shape=list(p.shape), gradient=floats(p.grad)) for n, p in model.named_parameters()}
    return dict(activation=activation, head=head, labels=LABELS[head], logitsShape=list(out.logits.shape),
                logits=floats(out.logits), loss=float(out.loss.detach()), parameters=parameters)


# b. The 6 x 256 model on 8 sentences -----------------------------------------------------------------------------

def wiki(models, dtype):
    model = BertForSequenceClassification.from_pretrained(
        f"{models}/wiki-bert-6x256", num_labels=2, attn_implementation="eager", dtype=torch.float32,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    fill(model, HEAD_SCALES, lambda name: "pooler" in name or name.startswith("classifier"))
    return model.to(dtype).train()


def sst2(models, data, split, limit):
    tokenizer = BertWordPieceTokenizer(f"{models}/wiki-bert-6x256/vocab.txt", lowercase=True)
    tokenizer.enable_truncation(128)
    with open(f"{data}/SST-2/{split}.tsv", encoding="utf8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file][1 : limit + 1]
    return [(tokenizer.encode(text).ids, int(label)) for text, label in rows]


def batch(items):
    width = max(len(ids) for ids, _ in items)
    ids = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in items])
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in items])
    return dict(input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids)), torch.tensor([y for _, y in items])


def samples(name, gradient, ids):
    """8 flat indices: by hash, except for word embeddings, where most rows are zero: those of tokens in the batch."""
    width = gradient.shape[-1]
    if name.endswith("word_embeddings.weight"):
        return [int(ids[j % len(ids), 1 + j // len(ids)]) * width + 31 * j % width for j in range(8)]
    if name.endswith("position_embeddings.weight"):
        return [j * width + 31 * j % width for j in range(8)]
    return [int(h) % gradient.numel() for h in hashes(name + "#sample", 8)]


def wiki_bert(models, data):
    model, items = wiki(models, torch.float64), sst2(models, data, "dev", 8)
    x, y = batch(items)
    encoded = model.bert(**x)
    logits = model.classifier(encoded.pooler_output)
    loss = torch.nn.functional.cross_entropy(logits, y)
    loss.backward()
    gradients = {}
    for name, p in model.named_parameters():
        index = samples(name, p.grad, x["input_ids"])
        gradients[name] = dict(norm=rounded(p.grad.norm()), index=index, values=rounded(p.grad.flatten()[index]))
    total = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
    return dict(model="wiki-bert-6x256", ids=[ids for ids, _ in items], labels=y.tolist(), logits=rounded(logits),
                pooledNorms=rounded(encoded.pooler_output.norm(dim=1)),
                hiddenNorms=rounded((encoded.last_hidden_state * x["attention_mask"][..., None]).norm(dim=(1, 2))),
                loss=rounded(loss), gradientNorm=rounded(total), gradients=gradients)


# c. 50 steps -----------------------------------------------------------------------------------------------------

CURVE = dict(rows=1600, batch=32, maxLength=128, learningRate=1e-4, weightDecay=0.01, warmup=0.1, clip=1.0,
             betas=[0.9, 0.999], epsilon=1e-8, steps=50, order="file", dropout=0.0)
NO_DECAY = ("bias", "LayerNorm.weight", "LayerNorm.bias")


def curve(models, data, dtype):
    model, items = wiki(models, dtype), sst2(models, data, "train", CURVE["rows"])
    named = list(model.named_parameters())
    groups = [dict(params=[p for n, p in named if not n.endswith(NO_DECAY)], weight_decay=CURVE["weightDecay"]),
              dict(params=[p for n, p in named if n.endswith(NO_DECAY)], weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, lr=CURVE["learningRate"], betas=tuple(CURVE["betas"]), eps=CURVE["epsilon"])
    total, warm = CURVE["steps"], int(CURVE["steps"] * CURVE["warmup"])
    factor = lambda s: min((s + 1) / warm, max(0.0, (total - s) / (total - warm)))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    losses, norms, rates, widths = [], [], [], []
    for step in range(total):
        x, y = batch(items[step * CURVE["batch"] : (step + 1) * CURVE["batch"]])
        loss = torch.nn.functional.cross_entropy(model(**x).logits, y)
        optimizer.zero_grad()
        loss.backward()
        norms.append(rounded(torch.nn.utils.clip_grad_norm_(model.parameters(), CURVE["clip"])))
        rates.append(schedule.get_last_lr()[0])
        widths.append(x["input_ids"].shape[1])
        losses.append(rounded(loss))
        optimizer.step()
        schedule.step()
    return dict(losses=losses, gradientNorms=norms), dict(rates=rates, widths=widths)


def main():
    arguments = argparse.ArgumentParser()
    for name in ("models", "data", "out"):
        arguments.add_argument(name)
    arguments.add_argument("--only", choices=["tiny", "wiki", "curve"])
    o = arguments.parse_args()
    torch.set_num_threads(2)
    out = Path(o.out)
    if o.only in (None, "tiny"):
        config = {k: v for k, v in TINY.items() if not k.endswith("prob")}
        write(out / "tiny-bert.json", config=config, ids=IDS, types=TYPES, mask=MASK,
              madeUp=dict(name="a.name", values=value("a.name", 4).tolist()), cases=[tiny_case(*case) for case in CASES])
    if o.only in (None, "wiki"):
        write(out / "wiki-bert.json", **wiki_bert(o.models, o.data))
    if o.only in (None, "curve"):
        single, shared = curve(o.models, o.data, torch.float32)
        double, _ = curve(o.models, o.data, torch.float64)
        write(out / "loss-curve.json", model="wiki-bert-6x256", task="SST-2", settings=CURVE, **shared, float32=single, float64=double)


if __name__ == "__main__":
    main()
