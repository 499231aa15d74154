"""Checks that stock transformers loads what Espalier writes of every architecture: no key missing, none too many, the
same logits.

    npm run build
    .venv/bin/python test/goldens/check_encoders.py

Every model of encoders.py is saved by transformers, read and written by `espalier export --to safetensors`, and loaded
again. Exit code 0 when all are. Tried with transformers 5.24 and PyTorch 2.13.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from encoders import CASES, batch, build, run

ROOT = Path(__file__).resolve().parents[2]
CLI = ROOT / "dist" / "cli" / "main.js"
LIMIT = 1e-5
FIRST = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def save(folder, model, config):
    model.save_pretrained(folder)
    pad = config.get("pad_token_id", 0)
    pieces = FIRST if pad == 0 else [FIRST[1], FIRST[0], *FIRST[2:]]
    vocab = pieces + [f"piece{i}" for i in range(5, config["vocab_size"])]
    # Word pieces, whatever an architecture's usual tokenizer is.
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(tokenizer_class="BertTokenizer")))
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n")


def check(stem, head, settings, place):
    model, config = build(stem, head, settings)
    ids, types, mask = batch(settings.get("pad_token_id", 0))
    theirs, ours = place / "theirs", place / "ours"
    save(theirs, model, config)
    subprocess.run(["node", CLI, "export", theirs, "--to", "safetensors", "--out", ours], check=True, capture_output=True)
    bare = dict(add_pooling_layer=False) if head == "none" else {}
    name = json.loads((ours / "config.json").read_text())["architectures"][0]
    again, report = getattr(transformers, name).from_pretrained(ours, output_loading_info=True, **bare)
    left = {key: sorted(names) for key, names in report.items() if names}
    if left or name != type(model).__name__:
        return f"transformers reports {left} of {name}"
    tokens = torch.tensor(mask).bool()
    with torch.no_grad():
        a, b = run(model, ids, types, mask), run(again.eval(), ids, types, mask)
    far = (a - b).abs()[tokens] if a.ndim == 3 else (a - b).abs()
    return None if float(far.max()) < LIMIT else f"logits are {float(far.max()):.1e} apart"


def main():
    wrong = 0
    for stem, head, settings in CASES:
        with tempfile.TemporaryDirectory() as place:
            problem = check(stem, head, settings, Path(place))
        wrong += problem is not None
        print(f"{stem} for {head}: {problem or 'loads, with the same logits'}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
