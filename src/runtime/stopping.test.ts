/** Loads and calls that end before their time: by a signal, or by what `onProgress` throws. */

import { getEventListeners } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { letterClassifier } from "../../test/support/classifiers.ts";
import { newFolder } from "../../test/support/tiny-model.ts";
import { encodeEsp } from "../sparse/esp/model.ts";
import { load, type RuntimeModel } from "./load.ts";

const STAGES = ["fetch", "unpack", "place"] as const;

let file: Uint8Array;
let path: string;
let server: Server;
/** Where the first half of a file comes and then nothing, and how many who asked for it have gone. */
let stalled: string;
let gone = 0;

beforeAll(async () => {
  file = await encodeEsp(letterClassifier(0.05), { values: "float32" });
  path = join(await newFolder(), "model.esp");
  await writeFile(path, file);
  server = createServer((_, response) => {
    response.writeHead(200, { "Content-Length": file.length });
    response.write(file.subarray(0, file.length / 2));
    response.on("close", () => {
      gone += 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  stalled = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`;
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error) => error,
  );

describe("what onProgress throws", () => {
  test.each(STAGES)("at %s the load rejects with it, and tells no more", async (stage) => {
    for (const source of [path, file.slice()]) {
      const mine = new TypeError("mine");
      const told: string[] = [];
      const onProgress = (progress: { readonly stage: string }): void => {
        told.push(progress.stage);
        if (progress.stage === stage) throw mine;
      };
      expect(await failure(load(source, { onProgress }))).toBe(mine);
      expect(told.filter((each) => each === stage)).toHaveLength(1);
      expect(told.at(-1)).toBe(stage);
    }
  });

  test("while a file comes from an address the load rejects with it, and gives up the download", async () => {
    const [mine, before] = ["no Error at all", gone];
    const onProgress = (): void => {
      throw mine;
    };
    expect(await failure(load(stalled, { onProgress }))).toBe(mine);
    await expect.poll(() => gone).toBe(before + 1);
  });

  test("at the end of placing, in ONNX Runtime, the load rejects with it too", async () => {
    const mine = new Error("mine");
    const onProgress = ({ stage, share }: { readonly stage: string; readonly share: number }): void => {
      if (stage === "place" && share === 1) throw mine;
    };
    expect(await failure(load(file, { path: "dense", onProgress }))).toBe(mine);
  });
});

describe("a load with a signal", () => {
  const stopped = { name: "InterruptedError", code: "runtime/stopped", message: /^load: stopped/ };

  test("that is aborted before reads nothing, and says why", async () => {
    const reason = new Error("changed my mind");
    const error = await failure(load("/nowhere/model.esp", { signal: AbortSignal.abort(reason) }));
    expect(error).toMatchObject({
      ...stopped,
      message: expect.stringMatching(stopped.message),
      cause: reason,
    });
  });

  test.each(["an address", "a response"])("gives up a download that has stalled: %s", async (kind) => {
    const before = gone;
    const source = kind === "an address" ? stalled : await fetch(stalled);
    const error = await failure(load(source, { signal: AbortSignal.timeout(50) }));
    expect(error).toMatchObject({ code: "runtime/stopped", cause: { name: "TimeoutError" } });
    await expect.poll(() => gone).toBe(before + 1);
  });

  test.each(STAGES)("is stopped at %s", async (stage) => {
    for (const way of ["sparse", "dense"] as const) {
      const stop = new AbortController();
      const onProgress = (progress: { readonly stage: string }): void => {
        if (progress.stage === stage) stop.abort();
      };
      const error = await failure(load(path, { signal: stop.signal, path: way, onProgress }));
      expect(error).toMatchObject({ code: "runtime/stopped" });
    }
  });

  test("is not touched by one that is aborted afterwards", async () => {
    const stop = new AbortController();
    const model = await load(path, { signal: stop.signal });
    stop.abort();
    expect(await model.classify(["a film"])).toHaveLength(1);
    await model.close();
  });
});

describe.each(["sparse", "dense"] as const)("a call with a signal, %s", (way) => {
  let model: RuntimeModel;
  beforeAll(async () => {
    model = await load(file, { path: way });
  });
  afterAll(() => model.close());

  test("rejects when it is aborted, before or meanwhile, and the model answers on", async () => {
    const before = { signal: AbortSignal.abort() };
    expect(await failure(model.classify(["a"], before))).toMatchObject({ code: "runtime/stopped" });
    const stop = new AbortController();
    const meanwhile = failure(model.classify(Array(9000).fill("a b c"), { signal: stop.signal }));
    setTimeout(() => stop.abort(), 5);
    expect(await meanwhile).toMatchObject({
      code: "runtime/stopped",
      message: "classify: stopped before it was done",
    });
    expect(await model.classify(["a"], { signal: new AbortController().signal })).toHaveLength(1);
  });

  test("shares a signal with others without a warning, leaves nothing on it, and is stopped with them", async () => {
    const warned: string[] = [];
    const hear = ({ name }: Error): void => void warned.push(name);
    process.on("warning", hear);
    const stop = new AbortController();
    const { signal } = stop;
    const ask = (): Promise<unknown> => model.classify(["a"], { signal });
    expect(await Promise.all(Array.from({ length: 20 }, ask))).toHaveLength(20);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    const meanwhile = Array.from({ length: 3 }, () => failure(ask()));
    stop.abort();
    expect(await Promise.all(meanwhile)).toMatchObject(Array(3).fill({ code: "runtime/stopped" }));
    process.off("warning", hear);
    expect(warned).toEqual([]);
  });

  test("refuses a context that is none", async () => {
    const given = (context: string) => model.classify(["a"], JSON.parse(context));
    await expect(given('{"signal":1}')).rejects.toMatchObject({ code: "runtime/signal" });
    await expect(given('{"sinal":1}')).rejects.toMatchObject({ code: "options/unknown" });
  });
});
