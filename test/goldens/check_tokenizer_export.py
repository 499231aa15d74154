"""Whether stock transformers gives the golden pieces and types from the tokenizer files that Espalier writes.

Usage, after `npm run build`: python check_tokenizer_export.py   (any interpreter with transformers 4.57 or 5)

Each folder of tokenizer-grid.json is read and written again by Espalier, then read by transformers.
"""
import json
import os
import subprocess
import sys
import tempfile

from tokenizer_grid import LENGTHS, PAIRS, TEXTS, encodings, read, write

HERE = os.path.dirname(os.path.abspath(__file__))
REWRITE = """
import { writeFileSync } from "node:fs";
import { readVocabulary } from "%(dist)s/network/folder.js";
import { tokenizerTexts } from "%(dist)s/text/tokenizer-files.js";
const pairs = JSON.parse(process.env.PAIRS);
for (const [from, to] of pairs) {
  const texts = tokenizerTexts(await readVocabulary(from));
  for (const [name, text] of texts) if (text !== undefined) writeFileSync(`${to}/${name}`, text);
  writeFileSync(`${to}/config.json`, JSON.stringify({ model_type: "bert", architectures: ["BertModel"] }));
}
"""


def main():
    import transformers
    transformers.logging.set_verbosity_error()
    with open(os.path.join(HERE, "tokenizer-grid.json"), encoding="utf-8") as f:
        golden = json.load(f)
    first, failures = golden["read"][0], []
    with tempfile.TemporaryDirectory() as root:
        entries, pairs = list(read()), []
        for i, entry in enumerate(entries):
            pair = [os.path.join(root, f"{kind}{i}") for kind in ("from", "to")]
            for folder in pair:
                os.mkdir(folder)
            write(pair[0], entry)
            pairs.append(pair)
        script = REWRITE % {"dist": os.path.join(HERE, "../../dist")}
        environment = {**os.environ, "PAIRS": json.dumps(pairs)}
        subprocess.run(["node", "--input-type=module", "-e", script], check=True, env=environment)
        questions = TEXTS + [f"{a} + {b} at {n}" for a, b in PAIRS for n in LENGTHS]
        for entry, (_, folder), known in zip(entries, pairs, golden["read"]):
            got = encodings(folder)
            answers = got["texts"] + got["pairs"]
            expected = [a or b for key in ("texts", "pairs") for a, b in zip(known[key], first[key])]
            failures += [(entry["name"], q, a, b) for q, a, b in zip(questions, answers, expected) if a != b]
    for failure in failures:
        print(*failure, sep="\n  ")
    print(f"transformers {transformers.__version__}: {len(entries)} folders, {len(failures)} answers that differ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
