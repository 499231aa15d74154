import { expect, test } from "vitest";
import { FUSED_PROBE, RELAXED, restoreFlags } from "./flags.ts";
import { host } from "./node.ts";

test("what a thread that was ended left set is taken back", () => {
  const before = WebAssembly.validate(FUSED_PROBE);
  host.flags?.set(RELAXED[0], true);
  restoreFlags();
  expect(WebAssembly.validate(FUSED_PROBE)).toBe(before);
});
