import { expect, test, vi } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { Engine } from "../engine/engine.ts";
import { onnxProgram } from "../network/onnx.ts";
import { measureFiles } from "./files.ts";

test("a packed file that cannot be opened leaves no engine behind", async () => {
  const exact = tinyModel();
  const close = vi.spyOn(Engine.prototype, "close");
  try {
    const files = { onnx: onnxProgram(exact), esp: new Uint8Array(100) };
    const set = { task: "classification", examples: [], pad: 0 } as const;
    const shipping = { threads: 1, device: "cpu", set, score: () => 0, before: 0, timed: undefined } as const;
    await expect(measureFiles(exact, files, shipping)).rejects.toMatchObject({ name: "FormatError" });
    expect(close).toHaveBeenCalledTimes(1);
  } finally {
    close.mockRestore();
  }
});
