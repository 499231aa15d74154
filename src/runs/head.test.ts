import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import type { Head } from "../bert/config.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Network } from "../network/network.ts";
import { headFor, labellingOf, withHeadFor } from "./head.ts";

const STARS: Dataset = {
  name: "stars",
  task: "regression",
  labels: [],
  examples: [1, 4, 5, 4].map((label) => ({ text: "a film", label, where: "stars:1" })),
};

const biasOf = (network: Network) => [...(network.tensors.get("classifier.bias")?.data ?? [])];

test("a new regression begins at the labels' mean, one that is there where it is", () => {
  expect(biasOf(withHeadFor(tinyModel({ kind: "none" }), STARS, 0))).toEqual([3.5]);
  const trained = tinyModel({ kind: "regression" });
  expect(biasOf(withHeadFor(trained, STARS, 0))).toEqual(biasOf(trained));
  const classes: Dataset = { ...STARS, task: "classification", labels: ["no", "yes"], examples: [] };
  expect(biasOf(withHeadFor(tinyModel({ kind: "none" }), classes, 0))).toEqual([0, 0]);
});

test.each<Head>([{ kind: "regression" }, { kind: "classification", labels: ["no", "yes"] }])(
  "the head of $kind data is read back as that labelling",
  (head) => {
    expect(headFor(labellingOf(head))).toEqual(head);
  },
);
