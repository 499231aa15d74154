"""Small tokenizers of every kind, and what Hugging Face's Rust tokenizers make of hard texts with them.

Made with tokenizers 0.23.3 and sentencepiece 0.2.3 on Python 3.11.
Usage: python tokenizer_kinds.py | gzip -9n > tokenizer-kinds.json.gz   for src/text/pipeline/kinds.test.ts
       python tokenizer_kinds.py FOLDER [TEXTS.txt] [COUNT]      larger ones, for benchmarks/tokenizers/differ.mjs

The vocabularies are learnt from the standard library's own help texts and from made-up words of many scripts. The fixture's
table of characters is small (a rule for every hundredth character, as SentencePiece compiles it); FOLDER gets the tables
nmt_nfkc and nmt_nfkc_cf, which XLM-R and ALBERT have. Offsets are places in code points, as Python has them.
"""
import base64
import io
import json
import os
import random
import sys
import tempfile
import unicodedata
from pydoc_data.topics import topics

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers.normalizers import NFC, NFKC, NFKD, Lowercase, Precompiled, Prepend, Replace, Strip, StripAccents
from tokenizers.pre_tokenizers import ByteLevel, Digits, Metaspace, Punctuation, Split, Whitespace, WhitespaceSplit

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
# First and last code points of letters in scripts that vocabularies are learnt from.
SCRIPTS = [
    (0x61, 0x7a), (0xe0, 0xff), (0x100, 0x17f), (0x3b1, 0x3c9), (0x430, 0x44f), (0x5d0, 0x5ea), (0x627, 0x64a),
    (0x905, 0x939), (0x995, 0x9b9), (0xe01, 0xe2e), (0x10d0, 0x10f0), (0x1200, 0x1240), (0x3041, 0x3096),
    (0x30a1, 0x30fa), (0x4e00, 0x4e80), (0xac00, 0xac80), (0x1f600, 0x1f640), (0x20000, 0x20020), (0x1d400, 0x1d433),
]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u2009", "\u3000", "\u2028", "\u200b", "\u200d", "\u0085", "\u1680", "\ufeff"]
MARKS = ["\u0301", "\u0308", "\u0323", "\u0327", "\u0334", "\u0345", "\u034f", "\u20dd", "\u0903", "\u094d", "\u0e34", "\u3099", "\ufe0f", "\u200d", "\u1dc0", "\u0591"]
ODD = [
    "", " ", "  ", " \t\r\n  ", "hello world", " hello  world ", "Hello, WORLD! It's I'LL we'VE 'ſ x'D", "don't can't I'll they've we're I'm he'd",
    "naïve café résumé Ångström Ærøskøbing Łódź", "e\u0301a\u0308 combining n\u0303", "\u0301leading mark", "a\u0323\u0301\u0308b e\u0301\u0302\u0303",
    "zalgo h\u0335\u0321e\u0322l\u0337l\u0334o", "ﬁne ﬂoor ½ ² ™ … ㎏ ㍿ ﷺ", "straße STRASSE ẞ", "Istanbul İstanbul ısı IŞIK", "ΟΔΟΣ ὈΔΥΣΣΕΎΣ σς Σ",
    "Привет, мир! Ёлка й", "日本語のテキスト ｶﾞｷﾞ が か\u3099", "中文 and English混合text", "\U00020000\U0002a6d6 rare\U0002b740ideograph \U0002f800",
    "한국어 조합 각", "\u1112\u1161\u11ab decomposed \u1100\u1161", "😀 emoji 👩\u200d👩\u200d👧 family 🇩🇪🇫🇷 flag ❤\ufe0f 👍🏽 1\ufe0f\u20e3",
    "a" * 120, "ab " * 40, "é" * 50, "\u0301" * 40, "un" + "affable" * 12, "tab\there\vvertical\fform", "nul\x00inside \x00", "\x01start bell\x07 del\x7f nel\x85next",
    "replacement \ufffd here\ufffdthere", "zero\u200bwidth \u200d joiner", "bom\ufeffinside \ufefflead", "nb\u00a0space thin\u2009space ideographic\u3000space line\u2028sep",
    "soft\u00adhyphen rtl\u202eoverride", "private \ue000 use \U000f0000", "<s> in <mask> the text </s><pad>x", "x <mask>y  <mask>  z<mask>", "[CLS] in [MASK] the text [SEP][PAD]",
    "<unk> [UNK] <s>", "▁marks ▁▁of▁space ▁", "Ġbytes ĠĊ", "$5.99 100% a+b=c <tag> `tick` ^ ~ | \\", "``quoted'' ```` ''''", "e-mail@example.com/path?x=1&y=2",
    "“curly” ‘quotes’ — dash – en ‐ hyphen", "¿qué? ¡hola! «oui»", "1234567890 3.14159 1,000,000 12 345", "①②③ Ⅷ ⅷ ١٢٣ १२३ 𝟏𝟐", "ǅungla ǆ Ǆ", "Å Å Å", "\u0149 \u01f0 \u1e96",
    "हिन्दी नमस्ते क्षि", "ไทยภาษา กำลัง", "العَرَبِيَّة مرحبا", "עִבְרִית שלום", "𝕳𝖊𝖑𝖑𝖔 𝔘𝔫𝔦", "ＦＵＬＬ ｗｉｄｔｈ！～", "line one\nline two\r\n\r\nline three\n", "trailing   ", "   leading",
    "a  b   c    d", "\n\n\n", "\t\t", "x\n", " \n x", "covfefe Covfefe acovfefeb very  good", "\u2126\u212a\u212b \uf900 \ufb1d", "ꙮ \U0001f9ff \U00013000", "\U0001e900 \u13a0 Ꭰ \u1c90",
    "\u0f77 \u0f73 \u0f71\u0f72", "\u1b06 \u1b05\u1b35", "\uac00\u11a8 \uac01\u11a8", "\u0344 \u0340\u0341 \u1fc1", "ｶ\uff9e ﾊ\uff9f", "D\u0307\u0323 q\u0307\u0323 \u1e0c\u0307",
]


def words(draw, count):
    """Made-up words, each of one script, the frequent ones more than once."""
    kinds = []
    for _ in range(count):
        first, last = draw.choice(SCRIPTS)
        kinds.append("".join(chr(draw.randint(first, last)) for _ in range(draw.randint(1, 6))))
    return [draw.choice(kinds[: draw.randint(1, len(kinds))]) for _ in range(4 * count)]


def corpus(draw, lines, made):
    text = [line for topic in sorted(topics) for line in topics[topic].split("\n") if line.strip()]
    some = words(draw, made)
    other = [" ".join(draw.choice(some) for _ in range(8)) for _ in range(made)]
    return draw.sample(text, min(lines, len(text))) + other


def random_text(draw):
    """Words, marks, spaces of all kinds, digits, signs and any code point, in any order."""
    parts = []
    for _ in range(draw.randint(1, 12)):
        kind = draw.random()
        if kind < 0.5:
            first, last = draw.choice(SCRIPTS)
            parts.append("".join(chr(draw.randint(first, last)) for _ in range(draw.randint(1, 7))))
        elif kind < 0.6:
            parts.append(draw.choice(MARKS) * draw.choice([1, 1, 1, 2, 5]))
        elif kind < 0.7:
            parts.append(str(draw.randint(0, 10**draw.randint(1, 9))))
        elif kind < 0.8:
            parts.append(draw.choice("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~«»“”…—。、¿"))
        elif kind < 0.87:
            parts.append(draw.choice(["<mask>", "<s>", "</s>", "[MASK]", "covfefe", "'s", "'LL", "''", "``", "▁", "Ġ"]))
        else:
            code = draw.randint(1, 0x2fff if draw.random() < 0.7 else 0x1ffff)
            parts.append("x" if 0xd800 <= code < 0xe000 else chr(code))
        if draw.random() < 0.6:
            parts.append(draw.choice(SPACES if draw.random() < 0.4 else [" "]))
    return "".join(parts)


def charsmap(name):
    """SentencePiece's table of that name; "small": of every hundredth of its rules and some others."""
    with tempfile.TemporaryDirectory() as folder:
        args = {"normalization_rule_name": name}
        if name == "small":
            rules = os.path.join(folder, "rules.tsv")
            with open(rules, "w", encoding="utf-8") as file:
                file.write("".join(f"{source}\t{target}\n" for source, target in small_rules()))
            args = {"normalization_rule_tsv": rules}
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d e f g h"] * 10), model_writer=model, vocab_size=12,
            hard_vocab_limit=False, minloglevel=2, **args)
    proto = model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def small_rules():
    found = {}
    for number, code in enumerate(range(0xa0, 0x30000)):
        char = chr(code)
        form = unicodedata.normalize("NFKC", char)
        if form != char and unicodedata.category(char)[0] != "C" and (len(found) < 40 or number % 97 == 0):
            found[char] = form
    for char in "éåñёйがガ각":
        found[unicodedata.normalize("NFD", char)] = char
    for code in [1, 7, 0x7f]:
        found[chr(code)] = ""
    for code in [9, 10, 13, 0xa0, 0x2009, 0x3000, 0x200b, 0xfeff, 0x2028, 0xfffd]:
        found[chr(code)] = " "
    hexes = lambda text: " ".join(f"{ord(char):X}" for char in text)
    return [(hexes(source), hexes(target)) for source, target in sorted(found.items()) if source != "\x00"]


def special(names, lstrip):
    return [AddedToken(name, lstrip=name == lstrip, normalized=False, special=True) for name in names]


ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def template(tokenizer, cls, sep, second=0, doubled=False):
    return processors.TemplateProcessing(
        single=f"{cls} $A {sep}", pair=f"{cls} $A {sep} " + (f"{sep} " if doubled else "") + f"$B:{second} {sep}:{second}",
        special_tokens=[(cls, tokenizer.token_to_id(cls)), (sep, tokenizer.token_to_id(sep))])


def bpe(lines, size, normalizer, pre_tokenizer, names, mask, bytes_=True, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    alphabet = ByteLevel.alphabet() if bytes_ else []
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, special_tokens=special(names, mask), show_progress=False,
        max_token_length=16, limit_alphabet=400))
    return tokenizer


def with_model(tokenizer, change):
    """The tokenizer with its file changed."""
    data = json.loads(tokenizer.to_str())
    change(data)
    return Tokenizer.from_str(json.dumps(data))


def unigram(lines, size, normalizer, pre_tokenizer, names, mask, unk, extra=()):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(lines, trainers.UnigramTrainer(
        vocab_size=size, special_tokens=special(names, mask) + list(extra), unk_token=unk, show_progress=False))
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def byte_pieces(data):
    """Pieces of the 256 bytes behind the others, and a model that falls back on them."""
    model = data["model"]
    have = [f"<0x{byte:02X}>" for byte in range(256)]
    if model["type"] == "BPE":
        model["vocab"].update({piece: len(model["vocab"]) + i for i, piece in enumerate(have)})
        model["fuse_unk"] = True
    else:
        model["vocab"] += [[piece, -20.0] for piece in have]
    model["byte_fallback"] = True


def build(lines, size, tables):
    """Each kind with its name, the class and the special tokens that a folder names."""
    made = {}
    roberta = bpe(lines, size, None, ByteLevel(add_prefix_space=False), ROBERTA, "<mask>")
    sep, cls = ("</s>", roberta.token_to_id("</s>")), ("<s>", roberta.token_to_id("<s>"))
    roberta.post_processor = processors.RobertaProcessing(sep, cls, trim_offsets=True, add_prefix_space=False)
    roberta.decoder = decoders.ByteLevel()
    roberta.add_tokens([AddedToken("covfefe", single_word=True), AddedToken("very good", normalized=True)])
    made["roberta"] = (roberta, "RobertaTokenizer", ROBERTA, {})

    prefixed = with_model(roberta, lambda data: data["pre_tokenizer"].update(add_prefix_space=True))
    prefixed.post_processor = processors.RobertaProcessing(sep, cls, trim_offsets=True, add_prefix_space=True)
    made["roberta with a space before"] = (prefixed, "RobertaTokenizer", ROBERTA, {"add_prefix_space": True})

    modern = bpe(lines, size, NFC(), ByteLevel(add_prefix_space=False), BERT, "[MASK]")
    modern.post_processor = template(modern, "[CLS]", "[SEP]")
    modern.decoder = decoders.ByteLevel()
    modern.add_tokens([AddedToken(" " * count, normalized=True) for count in (4, 3, 2)])
    made["modernbert"] = (modern, "PreTrainedTokenizerFast", BERT, {})

    llama = bpe(lines, size, None, pre_tokenizers.Sequence(
        [Split(Regex(LLAMA3), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]), BERT, "[MASK]",
        ignore_merges=True)
    llama.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True, add_prefix_space=False), template(llama, "[CLS]", "[SEP]")])
    llama.decoder = decoders.ByteLevel()
    made["llama 3"] = (llama, "PreTrainedTokenizerFast", BERT, {})

    qwen = bpe(lines, size, NFKC(), pre_tokenizers.Sequence(
        [Split(Regex(QWEN2), "isolated"), Digits(individual_digits=True), ByteLevel(add_prefix_space=False, use_regex=False)]),
        BERT, "[MASK]")
    qwen.post_processor = template(qwen, "[CLS]", "[SEP]", second=1)
    qwen.decoder = decoders.ByteLevel()
    made["qwen 2"] = (qwen, "PreTrainedTokenizerFast", BERT, {})

    fallback = bpe(lines, size, normalizers.Sequence([Prepend("▁"), Replace(" ", "▁")]), None, ROBERTA, "<mask>",
                   bytes_=False, unk_token="<unk>")
    fallback = with_model(fallback, byte_pieces)
    fallback.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    fallback.post_processor = template(fallback, "<s>", "</s>")
    made["bpe with bytes behind"] = (fallback, "PreTrainedTokenizerFast", ROBERTA, {})

    plain = bpe(lines, size, normalizers.Sequence([Lowercase(), NFKD(), StripAccents()]), pre_tokenizers.Sequence([Whitespace(), Digits(individual_digits=False)]),
                ROBERTA, "<mask>", bytes_=False, unk_token="<unk>", fuse_unk=True)
    plain.post_processor = template(plain, "<s>", "</s>", doubled=True)
    made["bpe of words"] = (plain, "PreTrainedTokenizerFast", ROBERTA, {})

    xlmr = unigram(lines, size, normalizers.Sequence([Precompiled(tables[0]), Strip(left=False, right=True), Replace(Regex(" {2,}"), "▁")]),
                   Metaspace(), ROBERTA, "<mask>", "<unk>")
    xlmr.post_processor = template(xlmr, "<s>", "</s>", doubled=True)
    made["xlm-roberta"] = (xlmr, "XLMRobertaTokenizer", ROBERTA, {})

    e5 = with_model(xlmr, lambda data: data.update(normalizer=json.loads(json.dumps(data["normalizer"]["normalizers"][0]))))
    e5.pre_tokenizer = pre_tokenizers.Sequence([WhitespaceSplit(), Metaspace()])
    made["multilingual-e5"] = (e5, "XLMRobertaTokenizer", ROBERTA, {})

    names = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    albert = unigram(lines, size, normalizers.Sequence(
        [Replace("``", '"'), Replace("''", '"'), NFKD(), StripAccents(), Lowercase(), Precompiled(tables[1]), Replace(Regex(" {2,}"), " ")]),
        Metaspace(), names, "[MASK]", "<unk>")
    albert.post_processor = template(albert, "[CLS]", "[SEP]", second=1)
    made["albert"] = (albert, "AlbertTokenizer", names, {})

    deberta = unigram(lines, size, normalizers.Sequence([Strip(), Precompiled(tables[0]), Replace(Regex(" {2,}"), " ")]),
                      pre_tokenizers.Sequence([Punctuation(behavior="isolated"), Metaspace(prepend_scheme="first")]), BERT, "[MASK]", "[UNK]")
    deberta = with_model(deberta, byte_pieces)
    deberta.post_processor = template(deberta, "[CLS]", "[SEP]")
    made["deberta-v3 with bytes"] = (deberta, "DebertaV2Tokenizer", BERT, {})
    return made


def config(name, names, others):
    roles = {}
    for token in names:
        role = token.strip("<>[]/")
        for key in {"s": ["bos", "cls"] if "/" not in token else ["eos", "sep"], "CLS": ["cls"], "SEP": ["sep"]}.get(role, [role.lower()]):
            roles[f"{key}_token"] = token
    return {"tokenizer_class": name, **roles, **others}


def read(tokenizer, text):
    got = tokenizer.encode(text, add_special_tokens=False)
    return {"ids": got.ids, "offsets": [place for pair in got.offsets for place in pair]}


def fixture():
    draw = random.Random(19)
    made = build(corpus(draw, 400, 150), 620, [charsmap("small")] * 2)
    texts = ODD + [random_text(draw) for _ in range(90)]
    kinds = {}
    for name, (tokenizer, cls, names, others) in made.items():
        file = json.loads(tokenizer.to_str())
        results = [read(tokenizer, text) for text in texts]
        pair = tokenizer.encode("good film", "dull plot")
        kinds[name] = {
            "tokenizer": file, "config": config(cls, names, others),
            "ids": [result["ids"] for result in results], "offsets": [result["offsets"] for result in results],
            "pair": pair.ids, "types": pair.type_ids,
            "decoded": [tokenizer.decode(result["ids"]) for result in results[: len(ODD)]],
        }
    table = next(step for step in kinds["xlm-roberta"]["tokenizer"]["normalizer"]["normalizers"] if step["type"] == "Precompiled")["precompiled_charsmap"]
    text = json.dumps({"texts": texts, "charsmap": table, "kinds": kinds}, ensure_ascii=True, separators=(",", ":"))
    print(text.replace(f'"precompiled_charsmap":"{table}"', '"precompiled_charsmap":"#"'))


def folders(out, path, count):
    draw = random.Random(20)
    lines = []
    if path:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file if line.strip()]
    made = build(corpus(draw, 4000, 3000) + draw.sample(lines, min(4000, len(lines))), 8000, [charsmap("nmt_nfkc"), charsmap("nmt_nfkc_cf")])
    texts = ODD + [random_text(draw) for _ in range(count // 2)]
    while len(texts) < count:
        line = draw.choice(lines) if lines else random_text(draw)
        texts.append(line[:400])
    for name, (tokenizer, cls, names, others) in made.items():
        folder = os.path.join(out, name.replace(" ", "-"))
        os.makedirs(folder, exist_ok=True)
        tokenizer.save(os.path.join(folder, "tokenizer.json"))
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
            json.dump(config(cls, names, others), file)
        with open(os.path.join(folder, "expected.jsonl"), "w") as file:
            for text in texts:
                file.write(json.dumps({"text": text, **read(tokenizer, text), "decoded": tokenizer.decode(read(tokenizer, text)["ids"])}) + "\n")


if len(sys.argv) > 1:
    folders(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None, int(sys.argv[3]) if len(sys.argv) > 3 else 10_000)
else:
    fixture()
