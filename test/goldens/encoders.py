"""What Hugging Face transformers computes of every architecture that is read here: logits, and every parameter's gradient.

    python3 -m venv .venv
    .venv/bin/pip install torch==2.13.0 transformers==5.24.0 numpy
    .venv/bin/python test/goldens/encoders.py test/goldens/encoders.json

Weights are not stored: `value(name, i)` of from_torch.py makes the same bits here and in test/support/encoders.ts, under
the names of the checkpoint. What is differentiated is Σ logits ∘ value("upstream") over the tokens that are no padding.
Computed in float64 and stored as float32. The configurations are as `save_pretrained` writes them.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from from_torch import VERSIONS, floats, value

LABELS = dict(classification=3, regression=1, tokens=4)
LABELS["multi-label"] = 3
SUFFIX = dict(mlm="ForMaskedLM", tokens="ForTokenClassification", none="Model")
PROBLEMS = dict(classification="single_label_classification", regression="regression")
PROBLEMS["multi-label"] = "multi_label_classification"

SIZES = dict(vocab_size=24, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=10,
             max_position_embeddings=16, type_vocab_size=2)
PADDED = dict(SIZES, max_position_embeddings=18, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)
DISTIL = dict(vocab_size=24, dim=12, n_layers=2, n_heads=3, hidden_dim=10, max_position_embeddings=16)
MODERN = dict(vocab_size=24, hidden_size=12, num_hidden_layers=3, num_attention_heads=3, intermediate_size=10,
              max_position_embeddings=16, pad_token_id=0, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3,
              local_attention=4, rope_parameters=dict(full_attention=dict(rope_type="default", rope_theta=160.0),
                                                      sliding_attention=dict(rope_type="default", rope_theta=10.0)))
BIASES = dict(attention_bias=True, mlp_bias=True, norm_bias=True, classifier_bias=True, classifier_pooling="mean")

# Class stem, head, settings of the configuration. T is 11: more than a local window of 2 tokens on each side.
CASES = [
    ("DistilBert", "classification", DISTIL),
    ("DistilBert", "mlm", dict(DISTIL, activation="relu")),
    ("DistilBert", "tokens", DISTIL),
    ("Roberta", "classification", PADDED),
    ("Roberta", "mlm", dict(PADDED, hidden_act="relu")),
    ("XLMRoberta", "multi-label", PADDED),
    ("Camembert", "tokens", PADDED),
    ("Electra", "classification", dict(SIZES, embedding_size=8)),
    ("Electra", "mlm", dict(SIZES, embedding_size=8, hidden_act="relu")),
    ("Electra", "regression", dict(SIZES, embedding_size=12)),
    ("MPNet", "classification", PADDED),
    ("MPNet", "mlm", PADDED),
    ("MPNet", "none", PADDED),
    ("Albert", "classification", dict(SIZES, embedding_size=8, num_hidden_layers=3)),
    ("Albert", "mlm", dict(SIZES, embedding_size=8, num_hidden_layers=4, num_hidden_groups=2)),
    ("ModernBert", "classification", MODERN),
    ("ModernBert", "regression", dict(MODERN, **BIASES)),
    ("ModernBert", "mlm", MODERN),
    ("ModernBert", "tokens", dict(MODERN, num_hidden_layers=4, layer_types=["sliding_attention", "full_attention"] * 2)),
]
LENGTHS = [11, 6, 3]


def batch(pad):
    """Three texts of 11 tokens, padded; none of the pieces is one of the first four."""
    ids = (4 + np.abs(value("ids", 33) * 1000).astype(np.int64) % 20).reshape(3, 11)
    mask = np.arange(11)[None, :] < np.array(LENGTHS)[:, None]
    types = (np.arange(11)[None, :] * 2 >= np.array(LENGTHS)[:, None]) & mask
    return np.where(mask, ids, pad), types.astype(np.int64), mask.astype(np.int64)


def made_up(name, shape):
    """A parameter by its name: norms near 1, biases small, matrices large enough that no function stays linear."""
    u = value(name, int(np.prod(shape))).reshape(shape)
    is_norm = "norm" in name.lower() and name.endswith("weight")
    w = 1 + 0.2 * u if is_norm else (0.1 if name.endswith("bias") else 0.4) * u
    return torch.from_numpy(w.astype(np.float32))


def build(stem, head, settings):
    labels = dict(num_labels=LABELS[head]) if head in LABELS else {}
    problem = dict(problem_type=PROBLEMS[head]) if head in PROBLEMS else {}
    # Written out, attention gives NaN to a token that sees padding alone, which a local window can bring about.
    attention = "sdpa" if stem == "ModernBert" else "eager"
    made = getattr(transformers, f"{stem}Config")(**settings, **labels, **problem, attn_implementation=attention)
    name = stem + SUFFIX.get(head, "ForSequenceClassification")
    bare = dict(add_pooling_layer=False) if head == "none" else {}
    model = getattr(transformers, name)(made, **bare).eval()
    with torch.no_grad():
        for parameter, p in model.named_parameters():
            p.copy_(made_up(parameter, tuple(p.shape)))
    config = json.loads(made.to_json_string())
    config.pop("transformers_version")
    return model, dict(config, architectures=[name])


def run(model, ids, types, mask):
    given = dict(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask))
    if getattr(model.config, "type_vocab_size", 1) > 1:
        given["token_type_ids"] = torch.tensor(types)
    return model(**given)[0]


def case(stem, head, settings):
    model, config = build(stem, head, settings)
    model = model.double()
    pad = settings.get("pad_token_id", 0)
    ids, types, mask = batch(pad)
    logits = run(model, ids, types, mask)
    upstream = torch.from_numpy(value("upstream", logits.numel()).reshape(logits.shape))
    if logits.ndim == 3:
        upstream = upstream * torch.tensor(mask)[:, :, None]
    (logits * upstream).sum().backward()
    inner = ids.copy()
    inner[0, 4] = pad  # a text that says the padding's own piece, where positions are counted
    with torch.no_grad():
        padded = run(model, inner, types, mask)
    parameters = list(model.named_parameters())
    return dict(
        head=head, config=config, types=bool(getattr(model.config, "type_vocab_size", 1) > 1),
        shapes={n: list(p.shape) for n, p in parameters}, logits=floats(logits), padded=floats(padded[0]),
        gradients=floats(torch.cat([p.grad.flatten() for _, p in parameters])),
    )


def main(path):
    ids, types, mask = batch(0)
    cases = [json.dumps(case(*each)) for each in CASES]
    about = json.dumps(dict(script="test/goldens/encoders.py", versions=VERSIONS, ids=ids.tolist(), types=types.tolist(),
                            mask=mask.tolist()))
    Path(path).write_text(about[:-1] + ', "cases": [\n' + ",\n".join(cases) + "\n]}\n")
    print(path, Path(path).stat().st_size)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
