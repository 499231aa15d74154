/** The runtime where there is no ONNX Runtime: not installed, or left out by a bundle. */

import { expect, test, vi } from "vitest";
import { letterClassifier } from "../../test/support/classifiers.ts";
import { encodeEsp } from "../sparse/esp/model.ts";
import { load } from "./load.ts";

vi.mock("./engine-path.ts", () => ({ openDense: undefined }));

test("the dense path is refused for a reason that holds in every build", async () => {
  const file = await encodeEsp(letterClassifier(0.05));
  await expect(load(file, { path: "dense" })).rejects.toMatchObject({
    code: "runtime/path",
    message:
      "path: expected sparse where there is no ONNX Runtime, as in espalier-runtime and in a page, got dense",
  });
});
