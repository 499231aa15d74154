"""Expected entities of texts, from the token-classification pipeline of transformers.

Made with transformers 5.24.0, tokenizers 0.23.3, torch 2.13.0 on Python 3.11. Usage: python entities.py > entities.json

The model has no weights: the logit of label c for piece p at place t is ((31·p + 17·c·c + 7·t) mod 97) / 12. Places are
given in UTF-16 units. Loose texts have marks inside words, or tokens that take white space, which the pipeline tells from
the rest of a word by their lengths, and wrongly; of these only what does not ask for words is kept.
"""
import json
import os
import tempfile

import torch
from tokenizers import AddedToken, BertWordPieceTokenizer
from transformers import BertConfig, PreTrainedTokenizerFast, pipeline
from transformers import BertForTokenClassification as Bert
from transformers.modeling_outputs import TokenClassifierOutput

LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyzéßABCZ0123456789"
VOCAB = [
    *SPECIAL, *LETTERS, *("##" + c for c in LETTERS), *".,!?;'\"-_()[]<>/@#€“”…", *"中文日本語", "\U0001f600", "\U00020000",
    "angela", "merkel", "Angela", "Merkel", "new", "york", "New", "York", "##ing", "##er", "paris", "Paris", "naive", "zurich", "in",
    "saw", "the",
]
TEXTS = [
    "Angela Merkel saw the new Paris, in New York!",
    "naïve Zürich—straße; ÉCOLE e-mail@x.com/path isn't",
    "中文New日本語 York\U00020000in",
    "\U0001f600 Paris \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f600\U0001f600x",
    "unknownЖ Ελλάδα \u0130stanbul Paris\u0301 in",
    "tab\there\r\n  soft\u00adhyphen nul\x00in\x07side nb\u00a0space \u200b zero\u200bwidth",
    "[MASK] in [CLS]paris x[MASK]y [UNK]",
    "", "   ", "!", "\u0301", "a" * 101 + " paris " + "ab" * 50,
    "walking walker's “new york” (paris)…", "the " * 40 + "paris",
]
LOOSE = ["Zo\u0308e saw Pa\u0301ris\u0301 e\u0301cole n\u0303o\u0308 in", "z\u0335\u0321e\u0322l paris"]
ADDED = ["NEW YORK city new york x", "the new york <ent>"]
LOOSE_ADDED = ["saw <ent> the<ent>  paris"]
LENGTH = 24


class BertForTokenClassification(Bert):
    def forward(self, input_ids=None, **_):
        p = input_ids.unsqueeze(-1)
        t = torch.arange(p.shape[1]).reshape(1, -1, 1)
        c = torch.arange(len(LABELS)).reshape(1, 1, -1)
        return TokenClassifierOutput(logits=((31 * p + 17 * c * c + 7 * t) % 97) / 12)


def tagger(lowercase, added=()):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "vocab.txt")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(VOCAB) + "\n")
        inner = BertWordPieceTokenizer(path, lowercase=lowercase)
    inner.add_special_tokens(SPECIAL)
    inner.add_tokens(list(added))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner._tokenizer, model_max_length=LENGTH, **names)
    config = BertConfig(vocab_size=200, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: i for i, label in enumerate(LABELS)}
    return pipeline("token-classification", model=BertForTokenClassification(config), tokenizer=tokenizer, device="cpu")


def units(text, place):
    return len(text[:place].encode("utf-16-le", "surrogatepass")) // 2


def entities(tag, text, strategy):
    found = tag(text, aggregation_strategy=strategy) if text else []
    return [
        [e.get("entity_group", e.get("entity")), round(float(e["score"]), 6), units(text, e["start"]), units(text, e["end"])]
        for e in found
    ]


def cases(tag, texts, strategies):
    return [{"text": text, **{s: entities(tag, text, s) for s in strategies}} for text in texts]


WORDS = ["first", "average", "max"]
extra = [AddedToken("<ent>", rstrip=True, normalized=False), AddedToken("New York", normalized=True)]
sets = []
for name, lowercase, added, texts, loose in [
    ("uncased", True, [], TEXTS, LOOSE),
    ("cased", False, [], TEXTS, LOOSE),
    ("added", True, extra, ADDED, LOOSE_ADDED),
]:
    tag = tagger(lowercase, added)
    found = cases(tag, texts, ["none", "simple", *WORDS])
    sets.append({"name": name, "lowercase": lowercase, "cases": [*found, *cases(tag, loose, ["none", "simple"])]})
print(json.dumps({"labels": LABELS, "vocab": VOCAB, "length": LENGTH, "sets": sets}, ensure_ascii=True))
