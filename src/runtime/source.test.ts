/** What a packed file is loaded from. Paths, file URLs and addresses: load.test.ts. */

import { beforeAll, describe, expect, test } from "vitest";
import { letterClassifier } from "../../test/support/classifiers.ts";
import { encodeEsp } from "../sparse/esp/model.ts";
import { load } from "./load.ts";
import type { ModelSource } from "./source.ts";

let file: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  file = (await encodeEsp(letterClassifier(0.05), { values: "float32" })).slice();
});

const dataUrl = (bytes: Uint8Array): string =>
  `data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`;

async function failureOf(source: ModelSource): Promise<Error & { readonly code?: string }> {
  return load(source).then(
    () => Promise.reject(new Error("expected a failure, got a model")),
    (e) => e,
  );
}

test.each<[string, () => ModelSource]>([
  ["an ArrayBuffer", () => file.slice().buffer],
  ["a part of a larger buffer", () => new Uint8Array([...file, 1, 2]).subarray(0, -2)],
  ["a Blob", () => new Blob([file])],
  ["a File", () => new File([file], "model.esp")],
  ["a Response", () => new Response(file)],
  ["a Response in parts", () => new Response(new Blob([file, new Uint8Array()]).stream())],
  ["an address of kind data:", () => dataUrl(file)],
  ["a URL of kind data:", () => new URL(dataUrl(file))],
  ["an address of kind blob:", () => URL.createObjectURL(new Blob([file]))],
])("%s", async (_, source) => {
  const given = source();
  const model = await load(given);
  expect(await model.classify(["a film"])).toHaveLength(1);
  await model.close();
});

test("bytes that are given stay the caller's", async () => {
  const { buffer } = file.slice();
  await (await load(buffer)).close();
  expect(new Uint8Array(buffer)).toEqual(file);
});

describe("a source that cannot be read says so in a few words", () => {
  test.each<[string, () => ModelSource, RegExp]>([
    ["a status", () => new Response("", { status: 404 }), /got: status 404 \(a response\)$/],
    ["an address where nobody answers", () => "http://127.0.0.1:1/model.esp", /fetch failed: .*127.0.0.1:1/],
    ["an address that is none", () => `data:${"x".repeat(1e6)}`, /^model: expected a .esp file, got: /],
    ["a folder", () => import.meta.dirname, /got: a folder; of a run it is the file model.esp in it/],
    ["a path", () => `/nowhere/${"x".repeat(1e5)}`, /^model: expected a .esp file, got: ENAMETOOLONG/],
    ["a blob: that was given back", () => "blob:nodedata:00000000-0000-0000-0000-000000000000", /got: /],
  ])("%s", async (_, source, message) => {
    const error = await failureOf(source());
    expect(error).toMatchObject({ name: "InputError", code: "runtime/source" });
    expect(error.message).toMatch(message);
    expect(error.message.length).toBeLessThan(800);
  });

  test("a buffer that was handed over", async () => {
    const { buffer } = file.slice();
    structuredClone(buffer, { transfer: [buffer] });
    const error = await failureOf(buffer);
    expect(error).toMatchObject({
      code: "runtime/source",
      message: expect.stringMatching(/detached.*\(bytes\)$/),
    });
  });

  test("a response that was read before", async () => {
    const response = new Response(file);
    await response.arrayBuffer();
    const message = "model: expected a .esp file, got: a response that was read before (a response)";
    expect(await failureOf(response)).toMatchObject({ code: "runtime/source", message });
  });

  test("a damaged file behind an address of kind data:", async () => {
    const damaged = file.slice();
    damaged[damaged.length - 100] = (damaged[damaged.length - 100] ?? 0) ^ 1;
    const { name, message } = await failureOf(dataUrl(damaged));
    expect(name).toBe("FormatError");
    expect(message).toContain("data:application/octet-stream;base64,");
    expect(message.length).toBeLessThan(800);
  });
});
