"""Pieces and types that Python's transformers give under a grid of tokenizer files, and what must be refused.

Usage: python tokenizer_grid.py PYTHON4 PYTHON5 > tokenizer-grid.json
       where the two are interpreters with transformers 4.57 and with transformers 5.

Each configuration is a folder's files, given as what differs from a base. Version 4.57 is followed; where only version 5
reads the files, version 5 is. `differs` says in what the two disagree. An answer that is that of the first configuration
is null. `refused` names the key that Espalier's message has to name: such a folder is not given to transformers.
"""
import json
import os
import subprocess
import sys
import tempfile

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = """the a good bad film plot tree tee is not very fine un ##able ##s ##ing ##ly ##un naive cafe café Good Film
film.
The [E1] [/E1] [unused0] e1 ##1 E1 ##E ##é é É i ##̇ 中 文 ##文 日 本 ä ß σ ##σ Σ 😀 ##😀 … — “ ” ½ あ た い ##い か ##か が
㍍ new york <s> </s> <unk> <pad> <mask> ยา ำ""".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
VOCAB = list(dict.fromkeys(
    SPECIAL + WORDS + list(LETTERS) + ["##" + c for c in LETTERS] + list("ABN0123456789") + ["##" + c for c in "0123456789AB"]
    + list(MARKS)))

TEXTS = [
    "", " ", "a good film", "The Good FILM is not very bad.", "naïve café É é e\u0301", "中文 film日本", "a😀film 😀😀",
    "nul\x00in\x07side\ufffd zero\u200bwidth\u00ad bom\ufeff", "tab\tnew\nline\rnext\x85nb\u00a0space\u3000wide\u2028sep",
    "x" * 100 + " " + "x" * 101, "abcd abcde", "unable goodly trees 😎", "[CLS] in [MASK] the text [SEP][PAD] x[MASK]y",
    "[mask] [UNK] [ MASK ] [cls]", "the [E1]film[/E1] is good", "the [E1] film [/E1].", "[e1] e1 [E1", "covfefe", "a covfefe film",
    "Covfefe COVFEFE, covfefe!", "covfefes xcovfefe covfefe1 covfefe_ covfefe\u0301 ucovfefe", "covfefe covfefecovfefe",
    "new york  new  york New York newyork", " new york ", "<s> a film </s> <unk> <pad>", "tree trees treetree a tree.",
    "the tree\u3000tree\u00a0 tree\x85tree", "cafe café CAFÉ", "don't e-mail@example.com/x?y=1&z", "“fine” — plot… ½",
    "ΟΔΟΣ σς İi ß", "zap zapping ZAP zap", "  zap  [E1]  ", "[unused0] [UNUSED0]", "日本tree中", "あたいかが ㍍",
    "a\u200dtree \u200dtree tree\u200d", "film. film .", "\u00e4 a\u0308", "<mask> <e> </e><e>film</e>",
]
PAIRS = [
    ["the film is very good", "bad plot"], ["bad", "the film is very good and not a bad plot"], ["", "a film"],
    ["a good film [SEP] tree", "[E1] covfefe [/E1] film"],
]
LENGTHS = [5, 6, 7, 9, 12, 64]


def token(content, **flags):
    base = dict(content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return {**base, **flags}


def numbered(*tokens, start=len(VOCAB)):
    """Entries of tokenizer.json's added_tokens: the five special ones, then these at their places or behind the others."""
    entries, after = [dict(id=i, **token(c)) for i, c in enumerate(SPECIAL)], start
    for t in tokens:
        known = t["content"] in VOCAB
        entries.append(dict(id=VOCAB.index(t["content"]) if known else after, **t))
        after += not known
    return entries


def decoder(*tokens):
    return {str(e.pop("id")): e for e in numbered(*tokens)}


def word(content, **flags):
    return token(content, **{"normalized": True, "special": False, **flags})


def template(single, pair):
    """Templates in the notation of tokenizers: `[CLS]:0 $A:0`."""
    def item(text):
        name, kind = text.rsplit(":", 1)
        if name[0] == "$":
            return {"Sequence": {"id": name[1:], "type_id": int(kind)}}
        return {"SpecialToken": {"id": name, "type_id": int(kind)}}
    names = {text.rsplit(":", 1)[0] for text in (single + " " + pair).split() if text[0] != "$"}
    return {"type": "TemplateProcessing", "single": [item(t) for t in single.split()], "pair": [item(t) for t in pair.split()],
            "special_tokens": {n: {"id": n, "ids": [VOCAB.index(n)], "tokens": [n]} for n in sorted(names)}}


BERT = template("[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1")
NORMALIZER = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
MODEL = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
         "vocab": "VOCAB"}
BASE = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": numbered(), "normalizer": NORMALIZER,
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": BERT,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}, "model": MODEL}
FAST = {"tokenizer_class": "PreTrainedTokenizerFast"}
SLOW = {"tokenizer_class": "BertTokenizer"}
MODEL_CONFIG = {"model_type": "bert", "architectures": ["BertModel"]}
COVFEFE = word("covfefe")
E1, E2 = token("[E1]"), token("[/E1]")
LEFT = {"direction": "Left", "max_length": 6, "strategy": "LongestFirst", "stride": 0}
PADDING = {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
           "pad_token": "[PAD]"}


def text(name, config=None, **files):
    """A folder with vocab.txt."""
    return {"name": name, "vocab": True, **({} if config is None else {"config": config}), **files}


def file(name, json_=None, config=FAST, **files):
    """A folder with tokenizer.json, which differs from the base in the keys given."""
    return {"name": name, "json": json_ or {}, **({} if config is None else {"config": config}), **files}


def read():
    """Configurations whose pieces are compared."""
    yield text("vocab.txt alone")
    for key, values in {"do_lower_case": [True, False], "strip_accents": [True, False, None], "tokenize_chinese_chars": [False]}.items():
        for value in values:
            yield text(f"{key} {value}", {**SLOW, key: value})
    yield text("cased, accents stripped", {**SLOW, "do_lower_case": False, "strip_accents": True})
    yield text("the fast class", {"tokenizer_class": "BertTokenizerFast", "do_lower_case": False})
    yield text("the class in config.json", {}, model={**MODEL_CONFIG, "tokenizer_class": "BertTokenizerFast"})
    yield text("settings of old files that are never read", {
        **SLOW, "max_length": 7, "stride": 2, "truncation_strategy": "only_first", "pad_to_multiple_of": 8,
        "pad_token_type_id": 1, "add_prefix_space": True, "never_split": ["[MASK]"], "use_fast": False, "max_len": 512})
    yield text("types that the model does not take", {**SLOW, "model_input_names": ["input_ids", "attention_mask"]})
    yield text("other names of special pieces", {
        **SLOW, "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"})
    yield text("a mask that takes the space before it", {**SLOW, "mask_token": {"__type": "AddedToken", **token("[MASK]", lstrip=True)}})
    yield text("a mask by name alone, null", {**SLOW, "mask_token": None})
    yield text("begin and end tokens", {**SLOW, "bos_token": "<s>", "eos_token": "</s>"})
    yield text("markers in special_tokens_map.json", None, map={"additional_special_tokens": ["[E1]", "[/E1]"]})
    yield text("markers in tokenizer_config.json", {**SLOW, "additional_special_tokens": ["[E1]", "[/E1]"]})
    yield text("markers as objects in special_tokens_map.json", SLOW, map={
        "additional_special_tokens": [token("[E1]", lstrip=True), token("[/E1]", rstrip=True)], "mask_token": token("[MASK]")})
    yield text("markers without a number", SLOW, map={"additional_special_tokens": ["<e>", "</e>"]})
    yield text("extra_special_tokens by name", {**SLOW, "extra_special_tokens": {"first_token": "[E1]"}})
    yield text("extra_special_tokens as a list", {**SLOW, "extra_special_tokens": ["[E1]", "<e>"]})
    yield text("added_tokens.json", SLOW, added={"covfefe": len(VOCAB), "zap": len(VOCAB) + 1})
    yield text("added_tokens.json with a special one", SLOW, added={"<e>": len(VOCAB), "zap": len(VOCAB) + 1},
               map={"additional_special_tokens": ["<e>"]})
    yield text("added_tokens_decoder", {**SLOW, "added_tokens_decoder": decoder(COVFEFE, word("zap"))})
    yield text("added_tokens_decoder goes before the files beside it", {**SLOW, "added_tokens_decoder": decoder(COVFEFE)},
               map={"additional_special_tokens": ["[E1]"], "mask_token": None}, added={"zap": len(VOCAB)})
    yield text("added_tokens_decoder, cased", {**SLOW, "do_lower_case": False, "added_tokens_decoder": decoder(word("Covfefe"), word("zap"))})
    yield text("an added token as it stands", {**SLOW, "added_tokens_decoder": decoder(word("covfefe", normalized=False))})
    yield text("an added token in capitals, normalised", {**SLOW, "added_tokens_decoder": decoder(word("COVFEFE"), word("Zap"))})
    for flag in ["single_word", "lstrip", "rstrip"]:
        for normal in [True, False]:
            yield text(f"{flag}, {'normalised' if normal else 'as it stands'}", {
                **SLOW, "added_tokens_decoder": decoder(*(word(c, normalized=normal, **{flag: True}) for c in ["covfefe", "tree", "zap"]))})
    yield text("tokens with spaces in them", {**SLOW, "added_tokens_decoder": decoder(
        word("new york"), word(" zap", normalized=False), word("tree ", normalized=False, rstrip=True), word("covfefe covfefe"))})
    yield text("tokens that begin alike", {**SLOW, "added_tokens_decoder": decoder(
        word("cov"), word("covfefe"), word("zap"), word("zapping"), word("[", normalized=False), word("café"))})
    yield text("special pieces that are normalised", {**SLOW, "added_tokens_decoder": {
        str(i): token(c, normalized=True) for i, c in enumerate(SPECIAL)}})
    yield text("an unused piece as a token", {**SLOW, "added_tokens_decoder": decoder(token("[unused0]"), word("trees"))})
    yield from read_files()


def read_files():
    """The same with tokenizer.json."""
    cased = {"normalizer": {**NORMALIZER, "lowercase": False}}
    yield file("tokenizer.json alone", {}, None)
    yield file("tokenizer.json with vocab.txt", {}, SLOW, vocab=True)
    yield file("its normaliser under its own class", cased, {**FAST, "do_lower_case": True})
    yield file("its normaliser under BERT's class, which sets its own", cased, SLOW)
    yield file("its normaliser without a configuration", cased, None)
    yield file("accents and Chinese under BERT's class", {"normalizer": {**NORMALIZER, "strip_accents": False, "handle_chinese_chars": False}},
               {**SLOW, "strip_accents": None})
    yield file("accents and Chinese under its own", {"normalizer": {**NORMALIZER, "strip_accents": False, "handle_chinese_chars": False}})
    yield file("a normaliser alone in a sequence", {"normalizer": {"type": "Sequence", "normalizers": [{**NORMALIZER, "lowercase": False}]}})
    yield file("no added tokens", {"added_tokens": []})
    yield file("no added tokens under BERT's class", {"added_tokens": []}, SLOW)
    yield file("added tokens", {"added_tokens": numbered(COVFEFE, word("zap", normalized=False), E1, E2)})
    yield file("added tokens under BERT's class", {"added_tokens": numbered(COVFEFE, E1, token("<e>"))}, SLOW)
    yield file("flags of added_tokens_decoder go before the file's", {"added_tokens": numbered(COVFEFE)},
               {**FAST, "added_tokens_decoder": decoder(word("covfefe", single_word=True))})
    yield file("flags of the file go before added_tokens.json", {"added_tokens": numbered(word("covfefe", single_word=True))}, SLOW,
               added={"covfefe": len(VOCAB)})
    yield file("more tokens in added_tokens_decoder", {"added_tokens": numbered(COVFEFE)},
               {**FAST, "added_tokens_decoder": decoder(COVFEFE, word("zap"))})
    yield file("a special token in the configuration", {}, {**FAST, "additional_special_tokens": ["[E1]"], "mask_token": "<mask>"})
    yield file("truncation and padding that are set anew at each call", {"truncation": {**LEFT, "direction": "Right"}, "padding": PADDING})
    yield file("a side that the configuration takes back", {"truncation": LEFT}, {**FAST, "truncation_side": "right"})
    yield file("short words", {"model": {**MODEL, "max_input_chars_per_word": 4}})
    yield file("another prefix", {"model": {**MODEL, "continuing_subword_prefix": ""}})
    yield file("another unknown piece", {"model": {**MODEL, "unk_token": "<unk>"}})
    yield file("no template", {"post_processor": None})
    yield file("BertProcessing", {"post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}})
    yield file("BertProcessing, swapped", {"post_processor": {"type": "BertProcessing", "sep": ["[CLS]", 2], "cls": ["[SEP]", 3]}})
    for name, (single, pair) in {
        "without types": ("[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:0 [SEP]:0"),
        "without [CLS]": ("$A:0 [SEP]:0", "$A:0 [SEP]:0 $B:1 [SEP]:1"),
        "with two [SEP]": ("[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 [SEP]:0 $B:1 [SEP]:1"),
        "with the pair first": ("[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $B:1 [SEP]:1 $A:0 [SEP]:0"),
        "with a marker and type 1": ("[E1]:1 $A:1", "[E1]:1 $A:1 [/E1]:0 $B:0"),
    }.items():
        yield file(f"a template {name}", {"post_processor": template(single, pair)})
    yield file("a template under BERT's class", {"post_processor": template("$A:0 [SEP]:0", "$A:0 [SEP]:0 $B:1 [SEP]:1")}, SLOW)
    yield file("the class of version 5", {"added_tokens": numbered(COVFEFE)}, {"tokenizer_class": "TokenizersBackend", "backend": "tokenizers"})
    yield file("the class of version 5 with types", {}, {
        "tokenizer_class": "TokenizersBackend", "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]})


def refused():
    """Configurations that would give other pieces, each with the key that has to be named."""
    settings = {
        "tokenizer_class": "BertJapaneseTokenizer", "auto_map": {"AutoTokenizer": ["tokenization.Mine", None]}, "do_basic_tokenize": False,
        "never_split": ["film"], "word_tokenizer_type": "mecab", "subword_tokenizer_type": "character", "split_special_tokens": True,
        "truncation_side": "left", "padding_side": "left", "do_lower_case": "yes", "strip_accents": 1, "tokenize_chinese_chars": "no",
        "x_token": "film", "mask_token": 4, "unk_token": "<none>", "additional_special_tokens": "[E1]", "model_input_names": "input_ids",
        "fast_tokenizer_files": ["tokenizer.4.0.0.json"], "init_inputs": ["x"], "mecab_kwargs": {"mecab_dic": "ipadic"},
        "do_word_tokenize": False, "do_subword_tokenize": False, "spm_file": "x.model", "clean_text": False,
    }
    for key, value in settings.items():
        yield text(f"{key} {json.dumps(value)}", {**SLOW, key: value}), key
    for key in ["do_lower_case", "tokenize_chinese_chars"]:
        yield text(f"{key} null, which Python cannot read either", {**SLOW, key: None}), key
    yield text("a list as auto_map", {**SLOW, "auto_map": ["tokenization.Mine", None]}), "auto_map"
    for name in ["BertweetTokenizer", "PreTrainedTokenizer", "T5TokenizerFast", "LlamaTokenizerFast"]:
        yield text(name, {"tokenizer_class": name}), "tokenizer_class"
    yield text("another class in config.json", {}, model={**MODEL_CONFIG, "tokenizer_class": "BertJapaneseTokenizer"}), "tokenizer_class"
    yield text("code in config.json", {}, model={**MODEL_CONFIG, "auto_map": {"AutoTokenizer": ["t.T", None]}}), "auto_map"
    yield text("a class that needs tokenizer.json", FAST), "tokenizer_class"
    yield text("a number that is taken", {**SLOW, "added_tokens_decoder": {"0": token("[MASK]")}}), "number of [MASK]"
    yield text("a number beyond the next", {**SLOW, "added_tokens_decoder": {"9999": COVFEFE}}), "number of covfefe"
    yield text("a number in added_tokens.json", SLOW, added={"covfefe": 9999}), "number of covfefe"
    yield text("a flag that is none", {**SLOW, "added_tokens_decoder": {str(len(VOCAB)): {**COVFEFE, "lstrip": 1}}}), "lstrip"
    yield text("a setting in special_tokens_map.json", SLOW, map={"do_lower_case": False}), "do_lower_case"
    yield text("both lists of special tokens", {**SLOW, "additional_special_tokens": ["[E1]"], "extra_special_tokens": ["[/E1]"]}), \
        "extra_special_tokens"
    yield text("two tokens of one text", {**SLOW, "added_tokens_decoder": decoder(word("Zap"), word("zap"))}), "added token zap"
    yield text("a token that normalises to nothing", {**SLOW, "added_tokens_decoder": decoder(word("\u0301"))}), "added token"
    files = {
        "normalizer": [None, {"type": "NFC"}, {"type": "Sequence", "normalizers": [NORMALIZER, {"type": "NFC"}]}],
        "pre_tokenizer": [None, {"type": "Whitespace"}, {"type": "Sequence", "pretokenizers": [{"type": "BertPreTokenizer"}]}],
        "decoder": [{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}],
        "post_processor": [{"type": "Sequence", "processors": [{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}] * 2}],
    }
    for key, values in files.items():
        for i, value in enumerate(values):
            yield file(f"{key} of another kind, {i + 1}", {key: value}), key
    yield file("text that is not cleaned", {"normalizer": {**NORMALIZER, "clean_text": False}}), "clean_text"
    yield file("another model", {"model": {"type": "WordLevel", "vocab": {}}}), "type"
    yield file("texts cut on the left", {"truncation": LEFT}), "direction"
    yield file("texts padded on the left", {"padding": {**PADDING, "direction": "Left"}}), "direction"
    yield file("an unknown piece that is none", {"model": {**MODEL, "unk_token": "<none>"}}), "unk_token"
    yield file("a template without its text", {"post_processor": template("[CLS]:0 [SEP]:0", "$A:0 $B:0")}), "single"
    yield file("a template with a text twice", {"post_processor": template("$A:0", "$A:0 $B:0 $A:0")}), "pair"
    yield file("an added token of a wrong number", {"added_tokens": numbered(COVFEFE, start=500)}), "number of covfefe"
    yield file("another unknown piece in the configuration", {}, {**SLOW, "unk_token": "<unk>"}), "unk_token"
    yield file("flags of BERT's class and a normalised token", {
        "normalizer": {**NORMALIZER, "lowercase": False}, "added_tokens": numbered(word("Covfefe"))}, SLOW), "do_lower_case"
    yield file("a slow class asked for", {}, {**SLOW, "from_slow": True}), "from_slow"


NAMES = {"config": "tokenizer_config.json", "map": "special_tokens_map.json", "added": "added_tokens.json", "model": "config.json"}


def write(folder, entry):
    files = {"config.json": MODEL_CONFIG, **{NAMES[key]: value for key, value in entry.items() if key in NAMES}}
    if "json" in entry:
        whole = {**BASE, **entry["json"]}
        whole["model"] = {**whole["model"], "vocab": {piece: i for i, piece in enumerate(VOCAB)}}
        files["tokenizer.json"] = whole
    for name, value in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(value, f)
    if entry.get("vocab"):
        with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as f:
            f.write("\n".join(VOCAB) + "\n")


def encodings(folder):
    """Ids and types of all texts and pairs; types that are not given to the model are 0."""
    from transformers import AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def row(got):
        [ids] = got["input_ids"]
        [types] = got.get("token_type_ids", [[0] * len(ids)])
        return [ids, "".join(map(str, types))]
    texts = [row(tokenizer([text])) for text in TEXTS]
    pairs = []
    for first, second in PAIRS:
        for length in LENGTHS:
            pairs.append(row(tokenizer([first], [second], truncation=True, max_length=length)))
    return {"texts": texts, "pairs": pairs}


def all_encodings():
    import tokenizers
    import transformers
    transformers.logging.set_verbosity_error()
    results = []
    for entry in read():
        with tempfile.TemporaryDirectory() as folder:
            write(folder, entry)
            try:
                results.append(encodings(folder))
            except Exception as error:  # a version that cannot read the files says so
                results.append(f"{type(error).__name__}: {error}")
    versions = f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}"
    json.dump({"versions": versions, "results": results}, sys.stdout)


def difference(four, five):
    if isinstance(four, str) or isinstance(five, str):
        return {"differs": "only one reads it"}
    if four == five:
        return {}
    same = all([ids for ids, _ in four[key]] == [ids for ids, _ in five[key]] for key in four)
    return {"differs": "types" if same else "pieces"}


def main():
    if sys.argv[1:] == ["--one"]:
        return all_encodings()
    made = [json.loads(subprocess.run([python, __file__, "--one"], check=True, capture_output=True).stdout) for python in sys.argv[1:]]
    entries = []
    first = made[0]["results"][0]
    for entry, four, five in zip(read(), *(m["results"] for m in made)):
        if isinstance(four, str) and isinstance(five, str):
            raise SystemExit(f"neither version reads it: {entry['name']}: {four} / {five}")
        follows = 5 if isinstance(four, str) else 4
        answers = five if follows == 5 else four
        if entries:
            answers = {key: [None if a == b else a for a, b in zip(answers[key], first[key])] for key in answers}
        entries.append({**entry, "follows": follows, **difference(four, five), **answers})
    json.dump({
        "made_with": [m["versions"] for m in made], "vocab": VOCAB, "base": BASE, "texts": TEXTS, "pairs": PAIRS, "lengths": LENGTHS,
        "read": entries, "refused": [{**entry, "refused": key} for entry, key in refused()],
    }, sys.stdout, ensure_ascii=True, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
