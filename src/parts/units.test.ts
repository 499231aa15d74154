import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import {
  ascending,
  finishWithout,
  lowestUnits,
  parseUnits,
  unitsOf,
  unitsText,
  withoutThe,
} from "./units.ts";

const NETWORK = smallNetwork(CLASSES, 2);
const { config } = NETWORK;

test("a layer's heads have together its attention's weights, and a module that is gone is no unit", () => {
  const units = unitsOf(config, ["head", "attention", "ffn"]);
  expect(units.map(({ kind, layer, place, weights }) => `${kind} ${layer}.${place} ${weights}`)).toEqual([
    "head 0.0 288",
    "head 0.1 288",
    "attention 0.0 576",
    "ffn 0.0 480",
    "head 1.0 288",
    "head 1.1 288",
    "attention 1.0 576",
    "ffn 1.0 480",
  ]);
  const empty = { ...config, layers: [{ heads: 0, headSize: 6, ffn: 0 }] };
  expect(unitsOf(empty, ["head", "attention", "ffn"])).toEqual([]);
});

test("equal scores are ordered by place", () => {
  expect(ascending([2, 1, 2, 0, 1])).toEqual([3, 1, 4, 0, 2]);
});

test("the lowest units are dropped until the target is nearest, within half a unit", () => {
  const units = unitsOf(config, ["head", "ffn"]);
  const scores = [1, 6, 3, 4, 5, 2]; // by score: head 0.0, ffn 1, ffn 0, head 1.0, head 1.1, head 0.1
  const dropped = (target: number): string[] =>
    [...lowestUnits(units, scores, target)].map(({ kind, layer, place }) => `${kind} ${layer}.${place}`);
  expect(dropped(143)).toEqual([]);
  expect(dropped(144)).toEqual(["head 0.0"]);
  expect(dropped(288 + 239)).toEqual(["head 0.0"]);
  expect(dropped(288 + 240)).toEqual(["head 0.0", "ffn 1.0"]);
  expect(dropped(1e9)).toHaveLength(6);
});

test("an attention module whose last head goes keeps its bias or goes altogether, as asked", () => {
  const heads = unitsOf(config, ["head"]);
  const dropped = new Set(heads.slice(0, 3));
  expect(unitsText(withoutThe(config, dropped, "bias"))).toBe("00/all,01/all");
  expect(unitsText(withoutThe(config, dropped, "none"))).toBe("none/all,01/all");
  const modules = unitsOf(config, ["attention", "ffn"]).slice(1, 3);
  expect(unitsText(withoutThe(config, new Set(modules), "bias"))).toBe("all/none,none/all");
});

test.each(["01/all,none/none", "all/all,11/011", "00/all"])("units %s are read back as written", (text) => {
  expect(unitsText(parseUnits(text))).toBe(text);
});

test("a product that has another number of heads than asked is refused (method/unreached)", () => {
  const finish = (units: string | undefined, count: number) =>
    finishWithout("head-gates", NETWORK, NETWORK.tensors, { units, count, of: 4 });
  expect(finish("01/all,all/all", 1).config.layers.map(({ heads }) => heads)).toEqual([1, 2]);
  const refused = expect.objectContaining({ code: "method/unreached" });
  expect(() => finish(undefined, 1)).toThrow(refused);
  expect(() => finish("01/all,10/all", 1)).toThrow(refused);
});
