import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { keyOf } from "../base/random.ts";
import { bind } from "../contract/method.ts";
import { TRUNCATE } from "./truncate.ts";

const NETWORK = smallNetwork(CLASSES, 4);
const FACTS = { steps: 10, key: keyOf(1) };

test("the run begins with the first layers alone, and all of them are trained", () => {
  const method = bind(TRUNCATE, NETWORK, { layers: 2 }, FACTS);
  expect(method.network.config.layers).toHaveLength(2);
  for (const [name, tensor] of method.network.tensors) {
    expect(tensor).toBe(NETWORK.tensors.get(name));
    expect(method.trains(name)).toBe(true);
  }
});

test.each([-1, 5, 1.5])("truncate/layers: %s of 4 layers is refused", (layers) => {
  const attempt = () => bind(TRUNCATE, NETWORK, { layers }, FACTS);
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ code: "truncate/layers" }));
});
