"""Expected piece numbers of awkward strings, from Hugging Face's Rust tokenizer.

Made with tokenizers 0.23.2 on Python 3.11.
Usage: python tokenizer.py VOCAB.TXT > tokenizer.json   (bert-base-uncased's vocab.txt)

The golden carries a small vocabulary of its own (the pieces these strings need), so that the test needs no other
file; `full` holds the numbers under the whole vocabulary.
"""
import json
import os
import sys
import tempfile

import tokenizers
from tokenizers import BertWordPieceTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
STRINGS = [
    "", " ", " \t\r\n  ", "hello world", "Hello, WORLD!",
    "The film isn't as dull as it sounds; it's duller.",
    "naïve café résumé Ångström Ærøskøbing Łódź",
    "e\u0301a\u0308 combining n\u0303", "\u0301leading mark", "zalgo h\u0335\u0321e\u0322l\u0337l\u0334o",
    "ﬁne ﬂoor ½ ² ™ …", "straße STRASSE ẞ", "Istanbul İstanbul ısı IŞIK",
    "ΟΔΟΣ ὈΔΥΣΣΕΎΣ σς", "Привет, мир! Ёлка й", "日本語のテキスト", "中文 and English混合text",
    "\U00020000\U0002a6d6 rare\U0002b740ideograph \U0002f800", "한국어 조합", "\u1112\u1161\u11ab decomposed",
    "😀 emoji 👩\u200d👩\u200d👧 family 🇩🇪 flag ❤\ufe0f", "a" * 100, "a" * 101, "b" * 99 + " short", "é" * 101,
    "un" + "affable" * 20, "tab\there\vvertical\fform", "nul\x00inside", "bell\x07 del\x7f nel\x85next",
    "replacement \ufffd here\ufffdthere", "zero\u200bwidth \u200d joiner", "bom\ufeffinside \ufefflead",
    "nb\u00a0space thin\u2009space ideographic\u3000space line\u2028sep", "soft\u00adhyphen rtl\u202eoverride",
    "private \ue000 use \U000f0000", "[CLS] in [MASK] the text [SEP][PAD]", "[mask] [UNK]known x[MASK]y", "[ MASK ]",
    "##ing ##s #hash # #", "don't can't won't I'll", "$5.99 100% a+b=c <tag> `tick` ^ ~ | \\", "e-mail@example.com/path?x=1&y=2",
    "“curly” ‘quotes’ — dash – en ‐ hyphen", "¿qué? ¡hola! «oui»", "1234567890 3.14159 1,000,000", "①②③ Ⅷ ⅷ",
    "ǅungla ǆ Ǆ", "Å Å Å", "\u0149 \u01f0 \u1e96", "हिन्दी नमस्ते", "ไทยภาษา", "العَرَبِيَّة مرحبا", "עִבְרִית שלום",
    "𝕳𝖊𝖑𝖑𝖔 𝔘𝔫𝔦", "ＦＵＬＬ ｗｉｄｔｈ！", "۱۲۳ ٤٥٦", "\u0000", "\u200b", "word\u0000\u0000 \u0000 word",
    "unbelievableness antidisestablishmentarianism", "x" * 30 + "é" + "Y" * 30,
]
PAIRS = [
    ["a short one", "and another short one"],
    ["one two three four five six seven eight nine ten", "a b c"],
    ["a b c", "one two three four five six seven eight nine ten"],
    ["one two three four five six", "a b c d e f"],
    ["", "only the second"], ["only the first", ""], ["", ""],
]
LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 64]


def build(vocab_file, **flags):
    return BertWordPieceTokenizer(vocab_file, **flags)


def ids(tokenizer, texts):
    return [tokenizer.encode(t).ids for t in texts]


def read(path):
    with open(path, encoding="utf-8") as f:
        return [line.rstrip("\n") for line in f]


def main():
    path = sys.argv[1]
    full = build(path, lowercase=True)
    flag_sets = {
        "lowercase": dict(lowercase=True),
        "cased": dict(lowercase=False),
        "lowercase, accents kept": dict(lowercase=True, strip_accents=False),
        "cased, accents stripped": dict(lowercase=False, strip_accents=True),
        "Chinese characters joined": dict(lowercase=True, handle_chinese_chars=False),
    }
    used = set(SPECIAL)
    texts = STRINGS + [t for pair in PAIRS for t in pair]
    for flags in flag_sets.values():
        for text in texts:
            used.update(build(path, **flags).encode(text).tokens)
    vocab = SPECIAL + [piece for piece in read(path) if piece in used and piece not in SPECIAL]
    with tempfile.TemporaryDirectory() as folder:
        small_path = os.path.join(folder, "vocab.txt")
        with open(small_path, "w", encoding="utf-8") as f:
            f.write("\n".join(vocab) + "\n")
        small = {name: ids(build(small_path, **flags), STRINGS) for name, flags in flag_sets.items()}
        tokenizer = build(small_path, lowercase=True)
        decoded = [tokenizer.decode(tokenizer.encode(t).ids) for t in STRINGS]
        pairs = []
        for first, second in PAIRS:
            for length in LENGTHS:
                tokenizer.enable_truncation(length, strategy="longest_first")
                got = tokenizer.encode(first, second)
                pairs.append({"text": first, "pair": second, "max": length, "ids": got.ids, "types": got.type_ids})
    result = {
        "made_with": f"tokenizers {tokenizers.__version__}",
        "strings": STRINGS, "vocab": vocab, "flags": flag_sets, "small": small,
        "full": ids(full, STRINGS), "decoded": decoded, "pairs": pairs,
    }
    json.dump(result, sys.stdout, ensure_ascii=True, separators=(",", ":"))
    print()


main()
