/** What `contractTests` says of methods that are broken, each in one place; those that are right are in src/methods. */

import { expect, test } from "vitest";
import { floatTensor } from "../base/tensor.ts";
import type { Answers, Method, MethodState, Tools } from "../contract/method.ts";
import { add } from "../graph/ops/elementwise.ts";
import { contractTests } from "./contract-tests.ts";
import { CLASSES } from "./small-network.ts";

type Mine = Method<object, MethodState>;

const OWN = "mine.sum";

/** The sites of a method that adds 1 to a tensor of its own after each batch, or whatever `updates` says. */
function sitesOf(updates: (tools: Tools) => unknown): Mine["sites"] {
  // A method from outside may be of a kind that no compiler has seen.
  return (_state, _structure, tools) => ({ updates: () => updates(tools) }) as Answers;
}

const one = (tools: Tools) => add(tools.tensor(OWN), tools.scalar("one"));

const MINE: Mine = {
  id: "mine",
  summary: "Trains all, and counts.",
  paper: undefined,
  from: "pre-trained",
  config: {},
  init: () => ({ tensors: new Map([[OWN, floatTensor([2], Float32Array.of(1, 2))]]) }),
  trains: (_state, name) => name !== OWN,
  keeps: (_state, name) => name === OWN,
  scalars: () => ({ one: 1 }),
  sites: sitesOf((tools) => ({ [OWN]: one(tools) })),
  finish: (network, _state, tensors) => ({
    ...network,
    tensors: new Map([...tensors].filter(([name]) => name !== OWN)),
  }),
};

/** What is said of the method by the check of that name. */
async function saidOf(part: object, check = "what is trained moves"): Promise<string> {
  const tests = contractTests({ ...MINE, ...part }, { heads: [CLASSES] });
  const found = tests.find(({ name }) => name.includes(check));
  return (await found?.run().catch((error: unknown) => String(error))) ?? "nothing";
}

test("of a method that keeps its contract nothing is said", async () => {
  expect(await saidOf({})).toBe("nothing");
});

const KEPT = "mine.updates: expected tensors for which keeps() is true and trains() is false, got ";

test.each([
  ["no keeps()", { keeps: undefined }, `${KEPT}mine.sum, which is not kept`],
  ["a trains() that takes all", { trains: () => true }, `${KEPT}mine.sum, which is trained`],
  [
    "a mistyped name",
    { sites: sitesOf((tools) => ({ "mine.sun": one(tools) })) },
    `${KEPT}mine.sun, which the run does not have`,
  ],
  [
    "an update of another shape",
    { sites: sitesOf((tools) => ({ [OWN]: tools.scalar("one") })) },
    "mine.updates: expected mine.sum as float32 [2], got float32 []",
  ],
  [
    "an update that is no value",
    { sites: sitesOf(() => ({ [OWN]: 1 })) },
    "mine.sites.updates.mine.sum: expected a value of the graph, got 1",
  ],
  [
    "updates that give nothing",
    { sites: sitesOf(() => undefined) },
    "mine.sites.updates: expected an object",
  ],
  ["nothing that is kept", { sites: () => ({}) }, "mine.sum: expected other bytes, got the same; it is kept"],
  [
    "a number it does not give",
    { scalars: undefined },
    "scalars: expected one, which a graph reads, got none",
  ],
  [
    "a number that is none",
    { scalars: () => ({ one: "1" }) },
    'mine.scalars.one: expected a number, got "1"',
  ],
  [
    "a loss that gives nothing",
    { sites: () => ({ loss: () => undefined }) },
    "mine.sites.loss: expected a value of the graph, got nothing",
  ],
  ["a structure that is no text", { structure: () => 3 }, "mine.structure: expected a text, got 3"],
])("%s is told by name", async (_, part, says) => {
  expect(await saidOf(part)).toContain(says);
});
