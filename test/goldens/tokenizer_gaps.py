"""Tokenizers that lack characters, and bytes to spell them with, and what Hugging Face's Rust tokenizers make of texts with them.

Made with tokenizers 0.23.3.
Usage: python tokenizer_gaps.py | gzip -9n > tokenizer-gaps.json.gz    for src/text/pipeline/models.test.ts
       python tokenizer_gaps.py FOLDER KINDS TEXTS SEED    random ones, for benchmarks/tokenizers/differ.mjs

Offsets are places in code points, as Python has them. They are null where Rust counts on without a character that it
dropped, or that bytes passed by: from there on, its offsets are those of other characters.
"""
import json
import os
import random
import sys

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
# Characters of one to four bytes: those that may be pieces, and those that never are.
KNOWN = list("abcd") + ["é", "ß", "▁", "日", "€", "😀"]
OTHER = list("xyz ") + ["ñ", "ü", "\u0301", "本", "🎉"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>",
          "unk_token": "<unk>", "mask_token": "<mask>"}
SPELT = sorted({byte for char in KNOWN + OTHER for byte in char.encode()})


def bytes_of(text):
    return [BYTES[byte] for byte in text.encode()]


def bpe(chars, bytes_, merges, unk=None, **model):
    pieces = SPECIAL + list(chars) + list(bytes_)
    pieces += dict.fromkeys(a + b for a, b in merges)
    named = {"unk_token": unk} if unk else {}
    return Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges, **named, **model))


def unigram(scored, bytes_, **model):
    pieces = [(piece, 0.0) for piece in SPECIAL] + list(scored) + [(piece, -12.0) for piece in bytes_]
    return Tokenizer(models.Unigram(pieces, unk_id=SPECIAL.index("<unk>"), **model))


def finished(tokenizer, pre_tokenizer=None, normalizer=None):
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


MERGES = [("a", "b"), ("c", "d"), ("ab", "cd"), ("é", "a"), ("日", "日"), ("▁", "ab")]
SCORED = [(char, -3.0) for char in "abcé▁日"] + [("ab", -4.0), ("abc", -4.5), ("▁ab", -5.0)]
FEW = bytes_of("ñ😀x") + bytes_of("本")[:2]
ALL_BUT_ONE = BYTES[:0xBC] + BYTES[0xBD:]
IN_BYTES = [("a", "b"), ("<0xC3>", "<0xB1>"), ("<0xC3><0xB1>", "a"), ("<0xF0>", "<0x9F>"),
            ("<0xF0><0x9F>", "<0x98>"), ("b", "<0xC3>")]


def kinds():
    """Each way to lack something, by name."""
    meta = pre_tokenizers.Metaspace
    chars = "abcdé▁日"
    return {
        "bpe without an unknown piece": finished(bpe(chars, [], MERGES), meta()),
        "bpe of bytes without an unknown piece": finished(bpe("abcdÃ©Ġ", [], [("a", "b"), ("c", "d"), ("ab", "cd"), ("Ġ", "ab")]),
                                                          pre_tokenizers.ByteLevel(add_prefix_space=False)),
        "bpe without an unknown piece, some bytes": finished(bpe(chars, FEW, MERGES, byte_fallback=True), meta()),
        "bpe, some bytes": finished(bpe(chars, FEW, MERGES, unk="<unk>", byte_fallback=True)),
        "bpe, some bytes, fused": finished(bpe(chars, FEW, MERGES, unk="<unk>", byte_fallback=True, fuse_unk=True), meta()),
        "bpe, all bytes but one": finished(bpe(chars, ALL_BUT_ONE, MERGES, unk="<unk>", byte_fallback=True, fuse_unk=True), meta()),
        "bpe, joined bytes": finished(bpe("abc", bytes_of("ñ😀x"), IN_BYTES, unk="<unk>", byte_fallback=True), None, normalizers.NFC()),
        "unigram, some bytes": finished(unigram(SCORED, FEW, byte_fallback=True), meta()),
        "unigram, all bytes but one": finished(unigram(SCORED, ALL_BUT_ONE, byte_fallback=True), meta()),
    }


def random_kind(draw):
    chars = [char for char in KNOWN if draw.random() < 0.6]
    missing = draw.choice([0, 0, 0.1, 0.2, 0.5, 1])
    bytes_ = [piece for byte, piece in enumerate(BYTES) if byte not in SPELT or draw.random() >= missing]
    fallback = draw.random() < 0.8
    if draw.random() < 0.4:
        joined = {"".join(draw.choice(chars) for _ in range(draw.randint(2, 4))) for _ in range(8)} if chars else set()
        scored = [(piece, -draw.uniform(1, 9)) for piece in chars + sorted(joined)]
        return finished(unigram(scored, bytes_, byte_fallback=fallback), draw.choice([None, pre_tokenizers.Metaspace()]))
    merges, made = [], set()
    pool = chars + ([piece for piece in bytes_ if BYTES.index(piece) in SPELT] if draw.random() < 0.3 else [])
    for _ in range(draw.randint(0, 14) if pool else 0):
        pair = (draw.choice(pool), draw.choice(pool))
        if "".join(pair) not in made and len("".join(pair)) < 40:
            merges.append(pair)
            made.add("".join(pair))
            pool.append("".join(pair))
    tokenizer = bpe(chars, bytes_, merges, unk=draw.choice([None, "<unk>", "<unk>"]), byte_fallback=fallback,
                    fuse_unk=draw.random() < 0.5, ignore_merges=draw.random() < 0.2)
    pre_tokenizer = draw.choice([None, pre_tokenizers.Metaspace(), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return finished(tokenizer, pre_tokenizer, normalizers.NFD() if draw.random() < 0.2 else None)


ODD = ["", " ", "abcd", "abxcd", "xab", "abx", "xx", "axb", "cxxd", "ab ab", " xab", "xñab", "ñxab", "xñya", "xxñab", "añxñb", "ñña", "aéxéa",
       "日x日", "日😀日", "😀🎉😀", "😀xx", "本a本", "bñb", "ab\u0301cd", "e\u0301a", "n\u0303a", "ü", "üb", "aüb", "<mask>xab", "ab<mask>x"]


def texts_of(draw, count):
    return ["".join(draw.choice(KNOWN + OTHER) for _ in range(draw.randint(1, 14))) for _ in range(count)]


def places(tokenizer, text, got):
    """Offsets, unless something was dropped or passed by."""
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] == "BPE":
        normal = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
        words = tokenizer.pre_tokenizer.pre_tokenize_str(normal) if tokenizer.pre_tokenizer else [(normal, None)]
        lacking = {char for word, _ in words for char in word.replace("<mask>", "") if char not in model["vocab"]}
        spelt = {char for char in lacking if model["byte_fallback"] and all(byte in model["vocab"] for byte in bytes_of(char))}
        if lacking - spelt and (spelt or model["unk_token"] is None):
            return None
    return [place for pair in got.offsets for place in pair]


def read(tokenizer, text):
    got = tokenizer.encode(text, add_special_tokens=False)
    return {"ids": got.ids, "offsets": places(tokenizer, text, got), "decoded": tokenizer.decode(got.ids)}


def fixture():
    texts = ODD + texts_of(random.Random(23), 30)
    found = {}
    for name, tokenizer in kinds().items():
        results = [read(tokenizer, text) for text in texts]
        found[name] = {"tokenizer": json.loads(tokenizer.to_str()),
                       **{key: [result[key] for result in results] for key in ["ids", "offsets", "decoded"]}}
    print(json.dumps({"texts": texts, "config": CONFIG, "kinds": found}, ensure_ascii=True, separators=(",", ":")))


def folders(out, count, texts, seed):
    draw = random.Random(seed)
    for number in range(count):
        tokenizer = random_kind(draw)
        folder = os.path.join(out, str(number))
        os.makedirs(folder, exist_ok=True)
        tokenizer.save(os.path.join(folder, "tokenizer.json"))
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
            json.dump(CONFIG, file)
        with open(os.path.join(folder, "expected.jsonl"), "w") as file:
            for text in texts_of(draw, texts):
                file.write(json.dumps({"text": text, **read(tokenizer, text)}) + "\n")


if len(sys.argv) > 1:
    folders(sys.argv[1], *map(int, sys.argv[2:5]))
else:
    fixture()
