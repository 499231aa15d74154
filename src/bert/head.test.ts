import { expect, test } from "vitest";
import { ConfigError } from "../base/errors.ts";
import type { Head } from "./config.ts";
import { findHead, parseHead } from "./head.ts";

const HEADS: readonly [string, object, Head][] = [
  ["two labels unless told", {}, { kind: "classification", labels: ["LABEL_0", "LABEL_1"] }],
  ["num_labels", { num_labels: 3 }, { kind: "classification", labels: ["LABEL_0", "LABEL_1", "LABEL_2"] }],
  [
    "id2label in numeric order",
    { id2label: { 1: "yes", 0: "no" } },
    { kind: "classification", labels: ["no", "yes"] },
  ],
  ["one label is a regression", { num_labels: 1 }, { kind: "regression" }],
  ["problem type", { id2label: { 0: "score" }, problem_type: "regression" }, { kind: "regression" }],
  ["masked language model", { architectures: ["BertForMaskedLM"] }, { kind: "mlm" }],
  ["with next-sentence head", { architectures: ["BertForPreTraining"] }, { kind: "mlm" }],
  [
    "mixture of the layers",
    { architectures: ["BertMixtureForSequenceClassification"] },
    { kind: "classification", labels: ["LABEL_0", "LABEL_1"], reader: "mixture" },
  ],
  [
    "mixture of the layers' means",
    { architectures: ["BertMeanMixtureForSequenceClassification"] },
    { kind: "classification", labels: ["LABEL_0", "LABEL_1"], reader: "means" },
  ],
  [
    "any of its labels",
    { id2label: { 0: "a", 1: "b", 2: "c" }, problem_type: "multi_label_classification" },
    { kind: "multi-label", labels: ["a", "b", "c"] },
  ],
  [
    "one label that holds or not",
    { id2label: { 0: "spam" }, problem_type: "multi_label_classification" },
    { kind: "multi-label", labels: ["spam"] },
  ],
  [
    "labels of tokens",
    { architectures: ["BertForTokenClassification"], id2label: { 0: "O", 1: "B-PER" } },
    { kind: "tokens", labels: ["O", "B-PER"] },
  ],
  ["bare encoder", { architectures: ["BertModel"] }, { kind: "none" }],
  ["no architecture", { architectures: undefined }, { kind: "none" }],
];

test.each(HEADS)("head: %s", (_, change, head) => {
  expect(parseHead({ architectures: ["BertForSequenceClassification"], ...change }, "c")).toEqual(head);
});

const json = { architectures: ["BertForSequenceClassification"] };
const REFUSED: readonly [string, unknown, string][] = [
  ["config/architecture", { ...json, architectures: ["BertForQuestionAnswering"] }, "TokenClassification"],
  ["config/architecture", { ...json, architectures: ["constructor"] }, "constructor"],
  ["config/labels", { ...json, id2label: { 0: "a", 2: "b" } }, 'id2label["1"]'],
  ["config/labels", { ...json, id2label: { 0: "a", 1: "b" }, num_labels: 3 }, "num_labels"],
  ["config/problem", { ...json, problem_type: "any_of_them" }, "multi_label"],
  ["config/problem", { ...json, num_labels: 2, problem_type: "regression" }, "regression"],
  ["config/untied", { ...json, architectures: ["BertForMaskedLM"], tie_word_embeddings: false }, "tie_word"],
  ["config/architecture", { architectures: 7 }, "a list of names"],
  ["config/kind", { espalier: [] }, "espalier"],
  ["config/kind", { espalier: { pooling: "mean" } }, "espalier.pooling"],
  ["config/pooling", { espalier: { pooling: { mode: "lasttoken", normalize: true } } }, "mean, cls, max"],
  ["config/pooling", { espalier: { pooling: { mode: "mean" } } }, "true or false"],
  ["config/problem", { ...json, num_labels: 1, problem_type: "single_label_classification" }, "for 1 labels"],
];

test.each(REFUSED)("%s is refused: %o", (code, value, part) => {
  const read = () => parseHead(value, "c");
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(expect.objectContaining({ code, message: expect.stringContaining(part) }));
});

const ENCODER = ["bert.embeddings.word_embeddings.weight"];
const POOLER = "bert.pooler.dense.weight";
const CLASSIFIER = ["classifier.weight", "classifier.bias"];
const MLM = ["cls.predictions.transform.dense.weight", "cls.predictions.bias"];
const two: Head = { kind: "classification", labels: ["LABEL_0", "LABEL_1"] };
const TOKENS: Head = { kind: "tokens", labels: ["LABEL_0", "LABEL_1"] };

/** Architectures, tensors beside the encoder's, the head, and a part of the note that must be there. */
const FOUND: readonly [unknown, readonly string[], Head, string | undefined][] = [
  [["BertForSequenceClassification"], [POOLER, ...CLASSIFIER], two, undefined],
  [["BertForSequenceClassification"], [POOLER, ...CLASSIFIER, ...MLM], two, undefined],
  [["BertForSequenceClassification"], [...CLASSIFIER], two, undefined], // to be refused: a tensor is missing
  [["BertForSequenceClassification"], [POOLER, ...MLM], { kind: "mlm" }, "a masked language model"],
  [["BertForSequenceClassification"], [POOLER], { kind: "none" }, "says BertForSequenceClassification"],
  [["BertForMaskedLM"], [...MLM, POOLER], { kind: "mlm" }, undefined],
  [["BertForMaskedLM"], [...MLM, POOLER, ...CLASSIFIER], { kind: "mlm" }, undefined],
  [["BertForMaskedLM"], [POOLER, ...CLASSIFIER], two, "a classification"],
  [["BertLMHeadModel"], MLM, { kind: "mlm" }, undefined],
  [["BertModel"], [POOLER], { kind: "none" }, undefined],
  [["BertModel"], [], { kind: "none" }, undefined],
  [["BertModel"], [POOLER, ...CLASSIFIER], two, "says BertModel"],
  [undefined, [POOLER, ...CLASSIFIER], two, "no architectures"],
  [null, [POOLER, ...CLASSIFIER, ...MLM], two, "no architectures"],
  [[], [POOLER, ...MLM], { kind: "mlm" }, "no architectures"],
  [undefined, [POOLER], { kind: "none" }, "no architectures"],
  [undefined, CLASSIFIER, TOKENS, "no architectures"],
  [
    undefined,
    ["mixture.weights", "mixture.dense.weight", ...CLASSIFIER],
    { ...two, reader: "mixture" },
    "no architectures",
  ],
  [
    undefined,
    ["mixture.mean_weights", "mixture.dense.weight", ...CLASSIFIER],
    { ...two, reader: "means" },
    "no architectures",
  ],
  [["OurBert", "BertForMaskedLM"], MLM, { kind: "mlm" }, undefined],
  [["OurBert"], [POOLER, ...CLASSIFIER], two, "says OurBert"],
  [["BertForTokenClassification"], CLASSIFIER, TOKENS, undefined],
  [["BertForTokenClassification"], [POOLER, ...CLASSIFIER], TOKENS, undefined],
  [["BertForTokenClassification"], [POOLER], { kind: "none" }, "says BertForTokenClassification"],
  [["BertForQuestionAnswering"], ["qa_outputs.weight"], { kind: "none" }, "answers to questions"],
  [["BertForMultipleChoice"], [POOLER, ...CLASSIFIER], { kind: "none" }, "multiple choice"],
  [["BertForNextSentencePrediction"], ["cls.seq_relationship.weight"], { kind: "none" }, "next sentences"],
];

test.each(FOUND)("of %j with tensors %j the head is %j", (architectures, tensors, head, note) => {
  const found = findHead({ architectures }, new Set([...ENCODER, ...tensors]), "c");
  expect(found.head).toEqual(head);
  expect(found.notes).toEqual(note === undefined ? [] : [expect.stringContaining(note)]);
});
