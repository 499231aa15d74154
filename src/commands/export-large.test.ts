/** Exports of what ONNX Runtime does not take. No network of 2 GiB is made: the comparison is refused as if it were one. */

import { existsSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { tinyModel, written } from "../../test/support/tiny-model.ts";
import { FormatError } from "../base/errors.ts";
import { differenceOfNetworks, unlessTooLarge } from "../measure/difference.ts";
import { exportModel } from "./export.ts";

vi.mock("../measure/difference.ts", async (original) => ({
  ...(await original<typeof import("../measure/difference.ts")>()),
  differenceOfNetworks: vi.fn(),
}));

test.each(["esp", "safetensors"] as const)(
  "%s is written whole, and a note says why it is not compared",
  async (to) => {
    vi.mocked(differenceOfNetworks).mockRejectedValue(new FormatError("onnx/too-large", "onnx: too large"));
    const notes: string[] = [];
    const result = await exportModel(
      { model: await written(tinyModel()), to },
      { report: (event) => event.kind === "note" && notes.push(event.text) },
    );
    expect(existsSync(result.path)).toBe(true);
    expect(result.difference).toBeNull();
    expect(notes.join()).toContain("not compared with its model: ONNX Runtime takes networks below 2 GiB");
  },
);

test("any other failure of a comparison stays one", async () => {
  const failing = Promise.reject(new FormatError("onnx/tensor-size", "onnx: other"));
  await expect(unlessTooLarge(failing, () => {})).rejects.toMatchObject({ code: "onnx/tensor-size" });
});
