"""Checks a run or an exported folder in the tools that other people have: stock transformers and stock ONNX Runtime.

Usage: python test/goldens/check_export.py RUN_OR_FOLDER [MODEL.onnx]

Loads the model folder (RUN/model, or the folder itself) in transformers and the ONNX model (RUN/model.onnx, or
onnx/model.onnx in the folder) in ONNX Runtime, gives both the same sentences, and compares their outputs. A pruned
folder that transformers cannot hold has to be exported first: espalier export RUN --to safetensors.

Exit code 0 when the largest difference is below 1e-4. Tried with transformers 5.18, PyTorch 2.13, ONNX Runtime 1.30.
"""
import json
import os
import sys

import numpy as np
import onnxruntime
import torch
import transformers

LIMIT = 1e-4
SENTENCES = [
    "A film to remember.",
    "It is neither as bad as they say, nor as good as one would have hoped for; but Ünïcödé it has!",
    "no",
    "word " * 600,
]
BATCHES = [SENTENCES[:1], SENTENCES[:3], SENTENCES[1:], [SENTENCES[2]] * 9]


def places(root):
    nested = os.path.join(root, "model")
    folder = nested if os.path.exists(os.path.join(nested, "config.json")) else root
    candidates = [os.path.join(root, "model.onnx"), os.path.join(folder, "onnx", "model.onnx")]
    return folder, next((path for path in candidates if os.path.exists(path)), None)


def load(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    if "espalier" in config:
        sys.exit(f"{folder}: pruned layers of several sizes; export it with --to safetensors first")
    name = config["architectures"][0]
    model, report = getattr(transformers, name).from_pretrained(
        folder, output_loading_info=True, **({"add_pooling_layer": False} if name == "BertModel" else {})
    )
    left = {key: sorted(names) for key, names in report.items() if names and "pooler" not in str(names)}
    if left:
        sys.exit(f"{folder}: transformers reports {left}")
    return transformers.AutoTokenizer.from_pretrained(folder), model.eval(), name


def main(root, onnx=None):
    folder, found = places(root)
    onnx = onnx or found
    if onnx is None:
        sys.exit(f"{root}: expected model.onnx or onnx/model.onnx; write one with: espalier export {root} --to onnx")
    tokenizer, model, name = load(folder)
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    longest = model.config.max_position_embeddings
    worst = 0.0
    for texts in BATCHES:
        batch = tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        with torch.no_grad():
            theirs = model(**batch)[0].numpy()
        (ours,) = session.run(None, {key: value.numpy() for key, value in batch.items()})
        mask = batch["attention_mask"].numpy().astype(bool)
        if ours.shape != theirs.shape:
            sys.exit(f"{onnx}: expected an output of shape {theirs.shape}, got {ours.shape}")
        # Where an output belongs to a token, that of padding means nothing to anyone.
        difference = np.abs(ours - theirs)[mask] if ours.ndim == 3 else np.abs(ours - theirs)
        worst = max(worst, float(difference.max()))
        print(f"batch {batch['input_ids'].shape[0]} x {batch['input_ids'].shape[1]}: {difference.max():.1e}")
    print(f"{name} in transformers {transformers.__version__} and ONNX Runtime {onnxruntime.__version__}: "
          f"largest difference {worst:.1e}")
    return 0 if worst < LIMIT else 1


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
