"""How version 4 of transformers names the tensors of its files: every model of encoders.py, which are version 5's.

    python3 -m venv .venv4
    .venv4/bin/pip install torch==2.13.0 transformers==4.57.3 numpy
    .venv4/bin/python test/goldens/spellings.py test/goldens/spellings.json

Of each model: its configuration, and its `state_dict()`, which is `pytorch_model.bin`: a name, or a name with the
parameter that stands there too, as copies of tied matrices have one, or with "" for a buffer. `left` are those that
`model.safetensors` does not hold.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from encoders import CASES, build
from safetensors import safe_open


def names_of(model):
    """Every name of the state, with the parameter that it is."""
    owner = {p.data_ptr(): n for n, p in model.named_parameters()}
    return {name: owner.get(t.data_ptr(), "") for name, t in model.state_dict().items()}


def saved(stem, head, settings):
    model, config = build(stem, head, settings)
    state = names_of(model)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        with safe_open(Path(folder) / "model.safetensors", "pt") as file:
            stored = list(file.keys())
        config = json.loads((Path(folder) / "config.json").read_text())
    config.pop("transformers_version")
    names = [name if name == own else [name, own] for name, own in state.items()]
    return dict(config=config, state=names, left=sorted(set(state) - set(stored)))


def main(path):
    about = dict(script="test/goldens/spellings.py", transformers=transformers.__version__)
    cases = [saved(*each) for each in CASES]
    Path(path).write_text(json.dumps(dict(about, cases=cases), separators=(",", ":")) + "\n")
    print(path, Path(path).stat().st_size)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.manual_seed(0)
    main(sys.argv[1])
