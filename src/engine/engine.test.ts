import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { builtUrl } from "../base/built-url.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import { mul, scale, sub } from "../graph/ops/elementwise.ts";
import { matmul } from "../graph/ops/linear.ts";
import { gather } from "../graph/ops/select.ts";
import { type Program, program } from "../graph/program.ts";
import { input, type Value } from "../graph/value.ts";
import { Engine, type RunRequest, type Session } from "./engine.ts";
import type { View } from "./protocol.ts";
import { usableThreads } from "./session.ts";

const engine = new Engine({ threads: 2 });
afterAll(() => engine.close());

const x = input("x", "float32", ["n"]);

function failure(code: string, message = ""): unknown {
  return expect.objectContaining({ name: "RunError", code, message: expect.stringContaining(message) });
}

function row(...values: number[]): Tensor {
  return floatTensor([values.length], Float32Array.from(values));
}

function view(buffer: string, offset: number, ...shape: number[]): View {
  return { buffer, offset, shape };
}

/** y = factor · x. */
function scaled(factor: number): () => Program {
  return () => program({ y: scale(x, factor) });
}

async function first(on: Engine, request: RunRequest): Promise<number[]> {
  const [results] = await on.run([request]);
  return Array.from<number | bigint, number>(results?.y?.data ?? [], Number);
}

/** A module of host kernels, as an address. */
const KERNELS = new URL(
  `data:text/javascript,${encodeURIComponent(`
    export const sum = ({ view }, of) => view(of).reduce((a, b) => a + b, 0);
    export const same = ({ view }, of) => view(of);
    export const shares = ({ heap }, names) => new Set(names.map(heap)).size === 1;
    export const made = (_, n) => new Float32Array(n).fill(7);
    export const count = ({ state }) => state.set("n", (state.get("n") ?? 0) + 1).get("n");
    export const fails = () => { throw new Error("no such luck"); };
    export const opaque = () => () => 1;
    export const leaves = () => process.exit(3);
  `)}`,
);

test("the caller's event loop never pauses for half of a run of 20 matrix products", async () => {
  const [a, b] = [input("a", "float32", [768, 768]), input("b", "float32", [768, 768])];
  const session = await engine.session("heavy", () => program({ y: matmul(a, b) }));
  await engine.allocate("heavy", 3 * 768 * 768);
  const at = (i: number): View => view("heavy", i * 768 * 768, 768, 768);
  const call = { session, feeds: { a: at(0), b: at(1) }, into: { y: at(2) } };
  const turns = [performance.now()];
  const timer = setInterval(() => turns.push(performance.now()), 1);
  await engine.run(Array.from({ length: 20 }, () => call));
  clearInterval(timer);
  turns.push(performance.now());
  const gaps = turns.slice(1).map((t, i) => t - (turns[i] ?? t));
  expect(turns.length).toBeGreaterThan(10);
  expect(Math.max(...gaps)).toBeLessThan(Math.max(20, ((turns.at(-1) ?? 0) - (turns[0] ?? 0)) / 2));
});

test("views are read and written in place, at their offsets, and nothing around them changes", async () => {
  const session = await engine.session("scaled 2", scaled(2));
  await engine.allocate("from", 6);
  await engine.allocate("to", 6);
  await engine.write(view("from", 0, 6), Float32Array.of(1, 2, 3, 4, 5, 6));
  const [results] = await engine.run([
    { session, feeds: { x: view("from", 2, 3) }, into: { y: view("to", 1, 3) } },
  ]);
  expect(results).toEqual({});
  expect(await engine.read(view("to", 0, 6))).toEqual(Float32Array.of(0, 6, 8, 10, 0, 0));
  expect(await engine.read(view("from", 1, 2))).toEqual(Float32Array.of(2, 3));
});

test("a result may be written over its own operand, ten times in one round trip", async () => {
  const w = input("w", "float32", [2]);
  const session = await engine.session("descend", () => program({ "w'": sub(w, scale(mul(w, w), 0.125)) }));
  await engine.allocate("w", 3);
  await engine.write(view("w", 1, 2), Float32Array.of(1, 2));
  const at = view("w", 1, 2);
  await engine.run(Array.from({ length: 10 }, () => ({ session, feeds: { w: at }, into: { "w'": at } })));
  const expected = Float32Array.of(1, 2).map((value) => {
    let v = value;
    for (let i = 0; i < 10; i++) v = Math.fround(v - Math.fround(Math.fround(v * v) * 0.125));
    return v;
  });
  expect(await engine.read(at)).toEqual(expected);
});

test("some outputs go into views while others come back, and what comes back is the caller's own", async () => {
  const outputs = { a: scale(x, 2), b: scale(x, 3), c: scale(x, 4) };
  const session = await engine.session("three", () => program(outputs));
  await engine.allocate("b", 2);
  const request = { session, feeds: { x: row(1, 2) }, into: { b: view("b", 0, 2) } };
  const [results] = await engine.run([request]);
  expect(results).toEqual({ a: row(2, 4), c: row(4, 8) });
  results?.a?.data.fill(0 as never); // every element type has a zero
  expect((await engine.run([request]))[0]?.a).toEqual(row(2, 4));
  expect(await engine.read(view("b", 0, 2))).toEqual(Float32Array.of(3, 6));
});

test("a part of a large array can be fed and written, and the caller keeps it", async () => {
  const large = Float32Array.from({ length: 1000 }, (_, i) => i);
  const session = await engine.session("scaled 2", scaled(2));
  const part = floatTensor([3], large.subarray(10, 13));
  expect(await first(engine, { session, feeds: { x: part } })).toEqual([20, 22, 24]);
  await engine.allocate("part", 3);
  await engine.write(view("part", 0, 3), large.subarray(20, 23));
  expect(await engine.read(view("part", 0, 3))).toEqual(Float32Array.of(20, 21, 22));
  expect(large).toHaveLength(1000);
});

test("feeds and targets bound once hold for every run, and a run may add its own", async () => {
  const session = await engine.session("bound", () => program({ y: mul(x, input("w", "float32", ["n"])) }));
  await engine.allocate("bound", 4);
  await engine.write(view("bound", 0, 2), Float32Array.of(3, 5));
  const binding = await engine.bind({ w: view("bound", 0, 2) }, { y: view("bound", 2, 2) });
  expect(await engine.run([{ session, feeds: { x: row(1, 2) }, binding }])).toEqual([{}]);
  expect(await engine.read(view("bound", 2, 2))).toEqual(Float32Array.of(3, 10));
  await engine.write(view("bound", 0, 2), Float32Array.of(1, 1));
  await engine.run([{ session, feeds: { x: row(1, 2) }, binding }]);
  expect(await engine.read(view("bound", 2, 2))).toEqual(Float32Array.of(1, 2));
});

test("a program is built once for its key, also when it is asked for twice at a time", async () => {
  const build = vi.fn(scaled(7));
  const sessions = await Promise.all([engine.session("once", build), engine.session("once", build)]);
  sessions.push(await engine.session("once", build));
  expect(build).toHaveBeenCalledTimes(1);
  expect(new Set(sessions).size).toBe(1);
});

test("of three sessions an engine that keeps two releases the one least recently used", async () => {
  const small = new Engine({ threads: 1, maxSessions: 2 });
  const builds = [vi.fn(scaled(1)), vi.fn(scaled(2)), vi.fn(scaled(3))];
  const open = (i: number): Promise<Session> => small.session(`${i}`, builds[i] ?? scaled(0));
  const sessions = [await open(0), await open(1)];
  await open(0);
  sessions.push(await open(2)); // releases 1
  await open(0);
  expect(builds.map((build) => build.mock.calls.length)).toEqual([1, 1, 1]);
  await open(1);
  expect(builds.map((build) => build.mock.calls.length)).toEqual([1, 2, 1]);
  // A session that was released goes on working, alone, beside others, and more of them at a time than are kept.
  const requests = [...sessions, ...sessions].map((session) => ({ session, feeds: { x: row(10) } }));
  const results = await small.run(requests);
  expect(results.map(({ y }) => y?.data[0])).toEqual([10, 20, 30, 10, 20, 30]);
  for (const [i, session] of sessions.entries())
    expect(await first(small, { session, feeds: { x: row(1) } })).toEqual([i + 1]);
  await small.close();
});

test("where memory is short the oldest sessions leave, down to two", async () => {
  const small = new Engine({ threads: 1, maxSessions: 5, memory: 1 });
  const builds = [1, 2, 3].map((factor) => vi.fn(scaled(factor)));
  const open = (i: number): Promise<Session> => small.session(`${i}`, builds[i] ?? scaled(0));
  for (const i of [0, 1, 0, 1, 2, 1, 0]) await open(i);
  expect(builds.map((build) => build.mock.calls.length)).toEqual([2, 1, 1]);
  await small.close();
});

test("a session that is unloaded runs all the same, and its key is built again", async () => {
  const small = new Engine({ threads: 1 });
  const [build, other] = [vi.fn(scaled(2)), vi.fn(scaled(3))];
  const session = await small.session("a", build);
  await small.session("b", other);
  small.unload(["a", "never there"]);
  expect(await first(small, { session, feeds: { x: row(4) } })).toEqual([8]);
  small.unload(["a"]);
  await Promise.all([small.session("a", build), small.session("b", other)]);
  expect([build, other].map(({ mock }) => mock.calls.length)).toEqual([2, 1]);
  await small.close();
});

test("a session released while its run is queued still runs", async () => {
  const small = new Engine({ threads: 1, maxSessions: 1, arena: false });
  const session = await small.session("a", scaled(2));
  const running = first(small, { session, feeds: { x: row(4) } });
  await Promise.all([small.session("b", scaled(3)), small.session("c", scaled(4))]);
  expect(await running).toEqual([8]);
  await small.close();
});

test("a failed run is a RunError, is not hidden by the seal, and the engine goes on", async () => {
  const table = input("table", "float32", [2, 1]);
  const session = await engine.session("gather", () =>
    program({ y: gather(table, input("ids", "int32", ["n"])) }),
  );
  const ids = (id: number): Tensor => ({ dtype: "int32", shape: [1], data: Int32Array.of(id) });
  const feeds = { table: floatTensor([2, 1], Float32Array.of(8, 9)) };
  const run = (id: number): Promise<number[]> =>
    first(engine, { session, feeds: { ...feeds, ids: ids(id) } });
  await expect(run(5)).rejects.toEqual(failure("engine/run", "indices element out of data bounds"));
  expect(await run(1)).toEqual([9]);
});

test("of several runs in a round trip the one that fails is reported", async () => {
  const session = await engine.session("scaled 2", scaled(2));
  const good: RunRequest = { session, feeds: { x: row(1) } };
  await expect(engine.run([good, { session, feeds: {} }])).rejects.toMatchObject({ code: "graph/symbol" });
  await expect(
    engine.run([good, { session, feeds: { x: { dtype: "int32", shape: [1], data: Int32Array.of(1) } } }]),
  ).rejects.toEqual(failure("engine/run", "x"));
  await expect(
    engine.run([{ session, feeds: { x: floatTensor([1, 1], Float32Array.of(1)) } }]),
  ).rejects.toMatchObject({
    code: "graph/feed",
  });
});

test("a program that cannot be built or compiled is a failure, and its key can be tried again", async () => {
  const broken = { ...scaled(1)(), bytes: Uint8Array.of(1, 2, 3) };
  await expect(engine.session("retry", () => broken)).rejects.toEqual(failure("engine/run"));
  const refuse = (): Program => {
    throw new TypeError("not today");
  };
  await expect(engine.session("retry", refuse)).rejects.toThrow("not today");
  const session = await engine.session("retry", scaled(6));
  expect(await first(engine, { session, feeds: { x: row(2) } })).toEqual([12]);
});

test.each<[string, View]>([
  ["longer than its buffer", view("bounds", 2, 3)],
  ["of a buffer that does not exist", view("nobody", 0, 1)],
  ["before its buffer", view("bounds", -1, 2)],
  ["at no whole element", view("bounds", 0.5, 1)],
  ["at no number", view("bounds", Number.NaN, 1)],
])("a view %s is refused wherever it is used", async (_, wrong) => {
  await engine.allocate("bounds", 4);
  const session = await engine.session("scaled 2", scaled(2));
  const refused = failure("engine/run", `buffer ${wrong.buffer}`);
  await expect(engine.read(wrong)).rejects.toEqual(refused);
  await expect(engine.write(wrong, new Float32Array(1))).rejects.toEqual(refused);
  await expect(engine.bind({ x: wrong }, {})).rejects.toEqual(refused);
  await expect(engine.run([{ session, feeds: { x: wrong } }])).rejects.toEqual(refused);
  await expect(engine.run([{ session, feeds: { x: row(1) }, into: { y: wrong } }])).rejects.toEqual(refused);
});

test("a view whose size is no number is refused", async () => {
  await engine.allocate("sizes", 4);
  await expect(engine.read(view("sizes", 0, Number.NaN))).rejects.toEqual(
    failure("engine/run", "buffer sizes"),
  );
});

test("what is written fills its view exactly", async () => {
  await engine.allocate("exact", 4);
  for (const length of [1, 3]) {
    await expect(engine.write(view("exact", 0, 2), new Float32Array(length))).rejects.toEqual(
      failure("engine/run", `expected 2 elements, got ${length}`),
    );
  }
});

test("a released buffer is gone; an allocated one is zeros, in place of the one before", async () => {
  await engine.allocate("gone", 1);
  await engine.write(view("gone", 0, 1), Float32Array.of(5));
  await engine.allocate("gone", 2);
  expect(await engine.read(view("gone", 0, 2))).toEqual(Float32Array.of(0, 0));
  await engine.release("gone");
  await expect(engine.read(view("gone", 0, 1))).rejects.toEqual(failure("engine/run", "buffer gone"));
});

test("host kernels work on the buffers, keep state, and give back copies", async () => {
  await engine.allocate("host", 3);
  await engine.write(view("host", 0, 3), Float32Array.of(1, 2, 3));
  expect(await engine.host(KERNELS, "sum", view("host", 1, 2))).toBe(5);
  expect(await engine.host(KERNELS, "same", view("host", 0, 3))).toEqual(Float32Array.of(1, 2, 3));
  expect(await engine.host(KERNELS, "made", 2)).toEqual(Float32Array.of(7, 7));
  expect(await engine.read(view("host", 0, 3))).toEqual(Float32Array.of(1, 2, 3));
  expect([await engine.host(KERNELS, "count", 0), await engine.host(KERNELS, "count", 0)]).toEqual([1, 2]);
});

test("buffers made together lie apart in one memory, and sessions and kernels see the same bytes", async () => {
  await engine.allocateTogether({ left: 3, right: 20 });
  await engine.write(view("left", 0, 3), Float32Array.of(1, 2, 3));
  await engine.write(view("right", 0, 20), new Float32Array(20).fill(5));
  expect(await engine.read(view("left", 0, 3))).toEqual(Float32Array.of(1, 2, 3));
  expect(await engine.host(KERNELS, "shares", ["left", "right"])).toBe(true);
  await engine.allocate("alone", 1);
  await expect(engine.host(KERNELS, "shares", ["left", "alone"])).rejects.toEqual(
    failure("engine/run", "buffer alone: expected one that was allocated together"),
  );
});

test("more than 4 GiB together is refused, and says what was asked", async () => {
  await expect(engine.allocateTogether({ w: 2 ** 29, g: 2 ** 29 })).rejects.toEqual(
    failure("engine/run", "memory: expected at most 4 GiB for w, g, got 4.0 GiB"),
  );
});

test.each([
  ["fails", "no such luck"],
  ["missing", "exports no function missing"],
  ["opaque", "could not be cloned"],
])("a host kernel that %s is a RunError, and the engine goes on", async (name, message) => {
  await expect(engine.host(KERNELS, name, 0)).rejects.toEqual(failure("engine/run", message));
  expect(await engine.host(KERNELS, "made", 1)).toEqual(Float32Array.of(7));
});

test("the same run gives the same bits", async () => {
  const square = (name: string): Value => input(name, "float32", [96, 96]);
  const session = await engine.session("bits", () => program({ y: matmul(square("a"), square("b")) }));
  const data = Float32Array.from({ length: 96 * 96 }, (_, i) => Math.sin(i));
  const request = { session, feeds: { a: floatTensor([96, 96], data), b: floatTensor([96, 96], data) } };
  expect(await first(engine, request)).toEqual(await first(engine, request));
});

test("closing rejects what is under way and all that comes after", async () => {
  const short = new Engine({ threads: 1 });
  const session = await short.session("scaled 2", scaled(2));
  const pending = expect(short.run([{ session, feeds: { x: row(1) } }])).rejects.toEqual(
    failure("engine/closed"),
  );
  await Promise.all([short.close(), pending]);
  await expect(short.read(view("any", 0, 1))).rejects.toEqual(failure("engine/closed"));
  await expect(short.session("scaled 3", scaled(3))).rejects.toEqual(failure("engine/closed"));
  await short.close();
});

test("a worker that ends by itself fails every request, before and after", async () => {
  const doomed = new Engine({ threads: 1 });
  await expect(doomed.host(KERNELS, "leaves", 0)).rejects.toEqual(failure("engine/worker", "code 3"));
  await expect(doomed.allocate("a", 1)).rejects.toEqual(failure("engine/worker"));
  await doomed.close();
});

test("worker modules are found in dist/, from source and from dist/ itself", () => {
  const from = (base: string): string => builtUrl("./worker.js", base).href;
  expect(from("file:///home/src/espalier/src/engine/engine.ts")).toBe(
    "file:///home/src/espalier/dist/engine/worker.js",
  );
  expect(from("file:///app/espalier/dist/engine/engine.js")).toBe(
    "file:///app/espalier/dist/engine/worker.js",
  );
});

test("an engine that is closed in the middle of 20 runs ends without taking the process with it", async () => {
  for (let i = 0; i < 20; i++) {
    const busy = new Engine({ threads: 2 });
    const square = (name: string): Value => input(name, "float32", [512, 512]);
    const session = await busy.session("busy", () => program({ y: matmul(square("a"), square("a")) }));
    const feeds = { a: floatTensor([512, 512], new Float32Array(512 * 512)) };
    const runs = Array.from({ length: 20 }, () => busy.run([{ session, feeds }]));
    const settled = Promise.allSettled(runs);
    await Promise.race([runs[i % 4], busy.read(view("none", 0, 1)).catch(() => undefined)]);
    await busy.close();
    const last = (await settled).at(-1);
    expect(last).toMatchObject({ status: "rejected", reason: { code: "engine/closed" } });
  }
});

test("a device that is not here is refused as a setting, and the message names what needs none", async () => {
  // The package comes without the libraries for CUDA (.npmrc), so no machine has this device.
  const cuda = new Engine({ threads: 1, provider: "cuda" });
  await expect(cuda.session("scaled 2", scaled(2))).rejects.toMatchObject({
    name: "ConfigError",
    code: "engine/device",
    message: expect.stringMatching(
      /^device: expected one that cuda can use, got none here .*cpu, the default/,
    ),
  });
  await cuda.close();
});

test("a close in the middle of a call is waited for where nothing else keeps the process alive", async () => {
  const lines = [
    `import { Engine } from "${builtUrl("./engine.js", import.meta.url).href}";`,
    "const engine = new Engine({ threads: 1 });",
    "const calls = Array.from({ length: 20 }, (_, i) => engine.allocate(String(i), 1_000_000));",
    "const all = Promise.allSettled(calls);",
    "await engine.allocate('first', 1);",
    "const more = engine.allocate('pending', 30_000_000).catch(() => undefined);",
    "await engine.close();",
    "await Promise.all([all, more]);",
    'console.log("closed");',
  ];
  const script = join(await newFolder(), "close.mjs");
  await writeFile(script, lines.join("\n"));
  const { status, stdout } = spawnSync(process.execPath, [script], { encoding: "utf8" });
  expect([status, stdout]).toEqual([0, "closed\n"]);
});

test("a session is made in a process whose command line is longer than a thread's stack would bear", async () => {
  const address = (name: string) => builtUrl(`../${name}.js`, import.meta.url).href;
  const script = join(await newFolder(), "session.mjs");
  const lines = [
    `import { Engine } from "${address("engine/engine")}";`,
    `import { program } from "${address("graph/program")}";`,
    `import { input } from "${address("graph/value")}";`,
    `import { matmul } from "${address("graph/ops/linear")}";`,
    `const [engine, a] = [new Engine({ threads: 1 }), input("a", "float32", [2, 2])];`,
    `await engine.session("long", () => program({ y: matmul(a, a) }));`,
    "await engine.close();",
  ];
  await writeFile(script, lines.join("\n"));
  const { status, stderr } = spawnSync(process.execPath, [script, "x".repeat(100_000)], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});

test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
  "%f threads are refused by name",
  async (threads) => {
    const none = new Engine({ threads });
    const refused = {
      name: "ConfigError",
      code: "engine/threads",
      message: expect.stringContaining("threads:"),
    };
    await expect(none.session("scaled 2", scaled(2))).rejects.toMatchObject(refused);
    await none.close();
  },
);

test("more threads than the machine has cores are as many as it has", () => {
  expect(usableThreads(1)).toBe(1);
  expect(usableThreads(100_000)).toBe(availableParallelism());
});
