import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test, vi } from "vitest";
import { Engine } from "./engine.ts";
import { hasEngine, requireEngine } from "./presence.ts";

const found = vi.hoisted(() => ({ is: true }));

vi.mock("node:module", async (original) => {
  const module = await original<typeof import("node:module")>();
  const createRequire = (from: string) => {
    const require = module.createRequire(from);
    const resolve = (name: string): string => {
      if (found.is) return require.resolve(name);
      throw new Error(`Cannot find module '${name}'`);
    };
    return Object.assign((name: string): unknown => require(name), { ...require, resolve });
  };
  return { ...module, createRequire };
});

test("without ONNX Runtime an engine is refused with the command that installs the pinned version", () => {
  expect(hasEngine()).toBe(true);
  expect(requireEngine).not.toThrow();
  found.is = false;
  expect(hasEngine()).toBe(false);
  const manifest: { optionalDependencies: Record<string, string> } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  const wanted = `npm install onnxruntime-node@${manifest.optionalDependencies["onnxruntime-node"]}.`;
  expect(() => new Engine({ threads: 1 })).toThrow(
    expect.objectContaining({ code: "engine/missing", message: expect.stringContaining(wanted) }),
  );
  found.is = true;
  const { platform } = process;
  Object.defineProperty(process, "platform", { value: "plan9" });
  expect(hasEngine()).toBe(false);
  expect(requireEngine).toThrow(/expected onnxruntime-node with a binary for plan9 \S+, got one without/);
  Object.defineProperty(process, "platform", { value: platform });
  expect(createRequire(import.meta.url).resolve("onnxruntime-node")).toContain("onnxruntime-node");
});
