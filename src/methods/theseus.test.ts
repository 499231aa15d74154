import { afterAll, expect, test } from "vitest";
import { CLASSES, madeUpBatch, smallNetwork } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { fold, keyOf } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { parameters } from "../bert/names.ts";
import { type BoundMethod, bind } from "../contract/method.ts";
import { Engine } from "../engine/engine.ts";
import type { Network } from "../network/network.ts";
import { keepUnits, WHOLE } from "../network/shrink.ts";
import { evalProgram, type GraphPlan, OUT } from "../train/step.ts";
import { methodById } from "./registry.ts";
import { drawSwaps, replaceRate, THESEUS, type TheseusConfig } from "./theseus.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const KEY = keyOf(5);
const NETWORK = smallNetwork(CLASSES, 4);
const SIX = smallNetwork(CLASSES, 6);
const TWELVE = smallNetwork(CLASSES, 12);
const MIXING = smallNetwork({ kind: "classification", labels: ["a", "b", "c"], reader: "mixture" }, 4);
/** What `swap` asks for. */
const ALONE = { schedule: "constant", full: 1 } as const;
const DEFAULTS: TheseusConfig = {
  layers: 2,
  schedule: "curriculum",
  base: 0.3,
  full: 0.6,
  swap: 0,
  start: "first",
  init: "fine-tuned",
  clipOver: "trained",
};

function bound(
  change: Partial<TheseusConfig> = {},
  steps = 100,
  key = KEY,
  network: Network = NETWORK,
): BoundMethod {
  return bind(THESEUS, network, { ...DEFAULTS, ...change }, { steps, key });
}

/** The same for another predecessor. */
function boundTo(network: Network, change: Partial<TheseusConfig>): BoundMethod {
  return bound(change, 100, KEY, network);
}

function planOf({ config, head, tensors }: Network, method?: BoundMethod, structure = ""): GraphPlan {
  const all = [...tensors, ...(method?.tensors ?? [])];
  const shapes = new Map(all.map(([name, { shape }]) => [name, shape]));
  const answers: GraphPlan["answers"] = (tools) => method?.sites(structure, tools) ?? {};
  return { config, head, shapes, answers, teacher: undefined, noise: false };
}

/** Numbers of the layers that a graph reads, by the start of their tensors' names. */
function layersRead(method: BoundMethod, structure: string, network = NETWORK): string[] {
  const { inputs } = evalProgram(planOf(network, method, structure));
  const layers = [...inputs.keys()].map((name) => /^(bert\.encoder|successor)\.layer\.\d+/.exec(name)?.[0]);
  return [...new Set(layers.filter((name) => name !== undefined))].sort();
}

async function logits(network: Network, method?: BoundMethod, structure = ""): Promise<Float32Array> {
  const { size, length, ids, types, mask } = madeUpBatch(CLASSES, 1, 6);
  const plan = planOf(network, method, structure);
  const head = JSON.stringify(network.head);
  const name = `${network.config.layers.length} ${head} ${method?.id} ${structure}`;
  const session = await engine.session(name, () => evalProgram(plan));
  const shape = [size, length];
  const tensors = [...network.tensors, ...(method?.tensors ?? [])];
  const feeds = {
    ...Object.fromEntries(tensors.filter(([name]) => session.program.inputs.has(name))),
    input_ids: { dtype: "int32" as const, shape, data: ids },
    token_type_ids: { dtype: "int32" as const, shape, data: types },
    mask: { dtype: "float32" as const, shape, data: mask },
  };
  const [results] = await engine.run([{ session, feeds }]);
  const data = results?.[OUT.logits]?.data;
  if (!(data instanceof Float32Array)) throw new Error("no logits");
  return data;
}

test("p_d = min(1, k·t + b)", () => {
  expect(replaceRate({ base: 0.5, slope: 1e-4 }, 2_500)).toBe(0.75);
  expect(replaceRate({ base: 0.5, slope: 1e-4 }, 0)).toBe(0.5);
  expect(replaceRate({ base: 0.5, slope: 1e-4 }, 10 ** 9)).toBe(1);
  expect(replaceRate({ base: 0.1, slope: 0 }, 10 ** 9)).toBe(0.1);
});

/** Share of swapped modules over steps `from` to `to`. */
function share(method: BoundMethod, from: number, to: number): number {
  const draws = Array.from({ length: to - from }, (_, i) => method.structure(from + i)).join("");
  return [...draws].filter((draw) => draw === "1").length / draws.length;
}

test("the curriculum swaps as often as its rate says, within 4 deviations, and always after `full`", () => {
  const method = bound({ base: 0.2, full: 0.5 }, 8000);
  // The rate grows from 0.2 to 1 over 4000 steps; each stretch of 1000 has 2000 draws.
  for (const [i, rate] of [0.3, 0.5, 0.7, 0.9].entries()) {
    const deviation = Math.sqrt((rate * (1 - rate)) / 2000);
    expect(Math.abs(share(method, 1000 * i, 1000 * (i + 1)) - rate)).toBeLessThan(4 * deviation);
  }
  expect(share(method, 4000, 8000)).toBe(1);
});

test("the constant rate stays until `full` of the run and is 1 from there", () => {
  const method = bound({ schedule: "constant", base: 0.5, full: 0.75 }, 4000);
  for (const from of [0, 1000, 2000]) {
    expect(Math.abs(share(method, from, from + 1000) - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / 2000));
  }
  expect(share(method, 3000, 4000)).toBe(1);
  expect(share(bound({ full: 0 }), 0, 100)).toBe(1);
});

test("the anti-curriculum swaps as often as 1 - p_d, within 4 deviations, and always after `full`", () => {
  const method = bound({ schedule: "anti-curriculum", base: 0.2, full: 0.5 }, 8000);
  for (const [i, rate] of [0.7, 0.5, 0.3, 0.1].entries()) {
    const deviation = Math.sqrt((rate * (1 - rate)) / 2000);
    expect(Math.abs(share(method, 1000 * i, 1000 * (i + 1)) - rate)).toBeLessThan(4 * deviation);
  }
  expect(share(method, 4000, 8000)).toBe(1);
});

test("`swap` swaps one module at a constant rate within 4 deviations to the end, and never another", () => {
  const method = bound({ ...ALONE, swap: 2, base: 0.7 }, 4000);
  const draws = Array.from({ length: 4000 }, (_, step) => method.structure(step));
  expect(new Set(draws)).toEqual(new Set(["00", "01"]));
  for (const from of [0, 2000]) {
    const often = draws.slice(from, from + 2000).filter((draw) => draw === "01").length / 2000;
    expect(Math.abs(often - 0.7)).toBeLessThan(4 * Math.sqrt((0.7 * 0.3) / 2000));
  }
});

test("a draw is one per module and a function of key and step; modules are independent within 4 deviations", () => {
  const draws = Array.from({ length: 4000 }, (_, step) => drawSwaps(3, 0.5, fold(KEY, step)));
  expect(draws[7]).toEqual(drawSwaps(3, 0.5, fold(KEY, 7)));
  expect(draws[0]).toHaveLength(3);
  for (const [a, b] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const) {
    const equal = draws.filter((swapped) => swapped[a] === swapped[b]).length;
    expect(Math.abs(equal / 4000 - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / 4000));
  }
  const method = bound();
  expect(bound().structure(3)).toBe(method.structure(3));
  const steps = Array.from({ length: 50 }, (_, i) => i);
  const drawn = (it: BoundMethod): string[] => steps.map((step) => it.structure(step));
  expect(drawn(bound({}, 100, keyOf(6)))).not.toEqual(drawn(method));
});

const P = "bert.encoder.layer";
const S = "successor.layer";

test.each([
  ["00", [`${P}.0`, `${P}.1`, `${P}.2`, `${P}.3`]],
  ["10", [`${P}.2`, `${P}.3`, `${S}.0`]],
  ["01", [`${P}.0`, `${P}.1`, `${S}.1`]],
  ["11", [`${S}.0`, `${S}.1`]],
])("structure %s runs the layers %s", (structure, layers) => {
  expect(layersRead(bound(), structure)).toEqual(layers);
});

/** Names of layers `from` to `to` (exclusive) of a stack. */
function stack(name: string, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `${name}.${from + i}`);
}

test.each([
  [SIX, 3, "010", [...stack(P, 0, 2), ...stack(P, 4, 6), `${S}.1`]],
  [SIX, 2, "01", [...stack(P, 0, 3), `${S}.1`]],
  [TWELVE, 4, "1011", [...stack(P, 3, 6), `${S}.0`, `${S}.2`, `${S}.3`]],
  [TWELVE, 3, "100", [...stack(P, 4, 12), `${S}.0`]],
])("a predecessor of other depths: %#: modules have L/n layers", (network, layers, structure, read) => {
  const method = boundTo(network, { layers });
  expect(layersRead(method, structure, network)).toEqual([...read].sort());
  expect(layersRead(method, method.product(), network)).toEqual(stack(S, 0, layers));
});

test.each([
  [NETWORK, 2],
  [TWELVE, 6],
  [smallNetwork(CLASSES, 9), 3],
  [smallNetwork(CLASSES, 3), 1],
])("layers=0, %#: half of the predecessor's, or the next fewer that divide them", (network, layers) => {
  expect(boundTo(network, { layers: 0 }).product()).toBe("1".repeat(layers));
});

test("evaluation runs the successor alone", () => {
  expect(bound().product()).toBe("11");
  expect(bound({ layers: 1 }).product()).toBe("1");
});

test("only the successor's layers are trained", () => {
  const method = bound();
  const trained = [...NETWORK.tensors.keys(), ...method.tensors.keys()].filter(method.trains);
  expect(trained).toEqual([...method.tensors.keys()]);
  expect(trained).toHaveLength(2 * 16);
});

test("a successor has the sizes of the layer it begins as; a model of another depth is refused", () => {
  const slim = keepUnits(NETWORK, [{ heads: [true, false], neurons: "all" }, WHOLE, WHOLE, WHOLE]);
  const set = { layers: "2", init: "pre-trained" };
  const bindTo = (pretrained: Network) =>
    methodById("theseus", { set }).bind(slim, { steps: 10, key: KEY, pretrained });
  const key = `${S}.0.attention.self.key.weight`;
  expect(bindTo(NETWORK).tensors.get(key)?.shape).toEqual(
    NETWORK.tensors.get(`${P}.0.attention.self.key.weight`)?.shape,
  );
  expect(
    bindTo(NETWORK).finish(new Map([...slim.tensors, ...bindTo(NETWORK).tensors]), {}).config.layers[0]
      ?.heads,
  ).toBe(2);
  expect(() => bindTo(SIX)).toThrow(expect.objectContaining({ code: "theseus/init" }));
});

test("with `swap` only that module's successor exists, and it starts where it would among all", () => {
  const [alone, all] = [bound({ ...ALONE, swap: 2 }), bound()];
  expect([...alone.tensors.keys()]).toEqual(
    [...all.tensors.keys()].filter((name) => name.startsWith(`${S}.1.`)),
  );
  for (const [name, tensor] of alone.tensors) expect(tensor).toBe(all.tensors.get(name));
  expect([...NETWORK.tensors.keys(), ...alone.tensors.keys()].filter(alone.trains)).toHaveLength(16);
});

test.each([
  ["first", 2, [0, 1]],
  ["even", 2, [0, 2]],
  ["even", 1, [0]],
] as const)(
  "start %s: a successor of %s layers begins as the predecessor's layers %s",
  (start, layers, from) => {
    const { tensors } = bound({ start, layers });
    for (const [i, source] of from.entries()) {
      const own = [...tensors].filter(([name]) => name.startsWith(`${S}.${i}.`));
      expect(own).toHaveLength(16);
      for (const [name, tensor] of own) {
        expect(tensor.data).toEqual(NETWORK.tensors.get(name.replace(`${S}.${i}`, `${P}.${source}`))?.data);
      }
    }
  },
);

test("without a swap the logits are the predecessor's, bit for bit", async () => {
  expect(await logits(NETWORK, bound(), "00")).toEqual(await logits(NETWORK));
});

test.each([
  ["4 to 2", NETWORK, {}],
  ["6 to 3", SIX, { layers: 3 }],
  ["6 to 2", SIX, { layers: 2 }],
  ["12 to 4", TWELVE, { layers: 4 }],
  ["12 to 3", TWELVE, { layers: 3 }],
  ["module 1 of 2 alone", NETWORK, { ...ALONE, swap: 1 }],
  ["module 2 of 2 alone", NETWORK, { ...ALONE, swap: 2 }],
  ["module 2 of 3 alone", SIX, { ...ALONE, layers: 3, swap: 2 }],
  ["4 to 2 under a mixture", MIXING, {}],
  ["module 1 of 2 alone under a mixture", MIXING, { ...ALONE, swap: 1 }],
] satisfies [string, Network, Partial<TheseusConfig>][])(
  "%s: the finished network has the checkpoint's names and the product's logits within 1e-5",
  async (_, network, change) => {
    const method = boundTo(network, { start: "even", ...change });
    const successor = new Map(
      [...method.tensors].map(([name, { shape, data }]) => [
        name,
        floatTensor(
          shape,
          data.map((w) => -w),
        ),
      ]),
    );
    const trained = { ...method, tensors: successor };
    const product = method.finish(new Map([...network.tensors, ...successor]));
    expect(new Map([...product.tensors].map(([name, { shape }]) => [name, [...shape]]))).toEqual(
      parameters(product.config, product.head),
    );
    const [own, swapped] = [await logits(product), await logits(network, trained, method.product())];
    expect(own).toHaveLength(18);
    expect(Math.max(...own.map((x, i) => Math.abs(x - (swapped[i] ?? Number.NaN))))).toBeLessThan(1e-5);
    expect(own).not.toEqual(await logits(network));
  },
);

test("the product of a single swap is the predecessor with one layer in the module's place", () => {
  const method = bound({ ...ALONE, swap: 1 });
  expect(method.product()).toBe("10");
  const { config, tensors } = method.finish(new Map([...NETWORK.tensors, ...method.tensors]));
  expect(config.layers).toHaveLength(3);
  const from = [`${S}.0`, `${P}.2`, `${P}.3`].map((stem) => `${stem}.output.dense.weight`);
  const all = new Map([...NETWORK.tensors, ...method.tensors]);
  for (const [i, name] of from.entries()) {
    expect(tensors.get(`${P}.${i}.output.dense.weight`)).toBe(all.get(name));
  }
});

test.each([
  ["theseus/layers", { layers: 3 }, "divide the predecessor's 4 (1, 2), got 3"],
  ["theseus/layers", { layers: 4 }, "got 4"],
  ["theseus/layers", { layers: -1 }, "got -1"],
  ["theseus/layers", { layers: 0.5 }, "got 0.5"],
  ["theseus/full", { full: 1.5 }, "got 1.5"],
  ["theseus/full", { full: Number.NaN }, "got NaN"],
  ["theseus/swap", { ...ALONE, swap: 3 }, "swap from 1 to 2, or 0, got 3"],
  ["theseus/swap", { ...ALONE, swap: -1 }, "got -1"],
  ["theseus/swap", { ...ALONE, swap: 1.5 }, "got 1.5"],
  ["theseus/swap", { swap: 1 }, "schedule=constant and full=1"],
  ["theseus/swap", { ...ALONE, swap: 1, full: 0.6 }, "got constant and 0.6"],
  ["theseus/curriculum", { base: 0 }, "base=0"],
  ["theseus/curriculum", { base: 1.01 }, "base=1.01"],
] satisfies [string, Partial<TheseusConfig>, string][])("%s: %o is refused", (code, change, says) => {
  expect(() => bound(change)).toThrow(ConfigError);
  expect(() => bound(change)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(says) }),
  );
});
