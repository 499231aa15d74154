import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { keyOf } from "../base/random.ts";
import { type BoundMethod, bind } from "../contract/method.ts";
import { FEATURES, type FeaturesConfig } from "./features.ts";

const NETWORK = smallNetwork(CLASSES, 2);

function bound(head: FeaturesConfig["head"]): BoundMethod {
  return bind(FEATURES, NETWORK, { head }, { steps: 1, key: keyOf(1) });
}

test.each([
  ["pooler", ["bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"]],
  [
    "mixture",
    ["mixture.weights", "mixture.dense.weight", "mixture.dense.bias", "classifier.weight", "classifier.bias"],
  ],
] as const)("%s: the head alone is trained, and the encoder is the given one", (head, trained) => {
  const { network, trains } = bound(head);
  expect([...network.tensors.keys()].filter(trains)).toEqual(trained);
  for (const [name, tensor] of network.tensors)
    if (!trains(name)) expect(tensor).toBe(NETWORK.tensors.get(name));
});

test("features/head: a head of another name is refused", () => {
  const attempt = () => bound("mean" as "pooler");
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ code: "features/head" }));
});
