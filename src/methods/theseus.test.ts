import { afterAll, expect, test } from "vitest";
import { CLASSES, madeUpBatch, smallNetwork } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { fold, keyOf } from "../base/random.ts";
import { parameters } from "../bert/names.ts";
import { Engine } from "../engine/engine.ts";
import type { Network } from "../network/network.ts";
import { evalProgram, type GraphPlan, OUT } from "../train/step.ts";
import { type BoundMethod, bind } from "./method.ts";
import { drawSwaps, replaceRate, THESEUS, type TheseusConfig } from "./theseus.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const KEY = keyOf(5);
const NETWORK = smallNetwork(CLASSES, 4);
const DEFAULTS: TheseusConfig = {
  layers: 2,
  schedule: "curriculum",
  base: 0.3,
  full: 0.6,
  start: "first",
  init: "fine-tuned",
  clipOver: "trained",
};

function bound(change: Partial<TheseusConfig> = {}, steps = 100, key = KEY): BoundMethod {
  return bind(THESEUS, NETWORK, { ...DEFAULTS, ...change }, { steps, key });
}

function planOf({ config, head, tensors }: Network, method?: BoundMethod, structure = ""): GraphPlan {
  const all = [...tensors, ...(method?.tensors ?? [])];
  const shapes = new Map(all.map(([name, { shape }]) => [name, shape]));
  const answers: GraphPlan["answers"] = (tools) => method?.sites(structure, tools) ?? {};
  return { config, head, shapes, answers, teacher: undefined, noise: false };
}

/** Numbers of the layers that a graph reads, by the start of their tensors' names. */
function layersRead(method: BoundMethod, structure: string): string[] {
  const { inputs } = evalProgram(planOf(NETWORK, method, structure));
  const layers = [...inputs.keys()].map((name) => /^(bert\.encoder|successor)\.layer\.\d+/.exec(name)?.[0]);
  return [...new Set(layers.filter((name) => name !== undefined))].sort();
}

async function logits(network: Network, method?: BoundMethod, structure = ""): Promise<Float32Array> {
  const { size, length, ids, types, mask } = madeUpBatch(CLASSES, 1, 6);
  const plan = planOf(network, method, structure);
  const session = await engine.session(`${network.config.layers.length} ${method?.id} ${structure}`, () =>
    evalProgram(plan),
  );
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

test("the curriculum swaps as often as its rate says, within 4 deviations, and always after `full` of the run", () => {
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

test("the finished network is the successor under the checkpoint's names, with the logits of every module swapped", async () => {
  const method = bound({ start: "even" });
  const product = method.finish(new Map([...NETWORK.tensors, ...method.tensors]));
  expect(product.config.layers).toHaveLength(2);
  expect(new Map([...product.tensors].map(([name, { shape }]) => [name, [...shape]]))).toEqual(
    parameters(product.config, product.head),
  );
  expect(product.tensors.get(`${P}.1.output.dense.weight`)).toBe(
    method.tensors.get(`${S}.1.output.dense.weight`),
  );
  const [own, swapped] = [await logits(product), await logits(NETWORK, method, "11")];
  expect(own).toHaveLength(18);
  expect(Math.max(...own.map((x, i) => Math.abs(x - (swapped[i] ?? Number.NaN))))).toBeLessThan(1e-5);
});

test.each([
  ["theseus/layers", { layers: 3 }, "divide the predecessor's 4, got 3"],
  ["theseus/layers", { layers: 4 }, "got 4"],
  ["theseus/layers", { layers: 0 }, "got 0"],
  ["theseus/layers", { layers: 0.5 }, "got 0.5"],
  ["theseus/full", { full: 1.5 }, "got 1.5"],
  ["theseus/full", { full: Number.NaN }, "got NaN"],
  ["theseus/curriculum", { base: 0 }, "base=0"],
  ["theseus/curriculum", { base: 1.01 }, "base=1.01"],
])("%s: %o is refused", (code, change, says) => {
  expect(() => bound(change)).toThrow(ConfigError);
  expect(() => bound(change)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(says) }),
  );
});
