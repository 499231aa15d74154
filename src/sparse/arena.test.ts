import { expect, test, vi } from "vitest";
import { Arena } from "./arena.ts";

test("more than 4 GiB is refused by that limit", () => {
  expect(() => new Arena(false).allocate(5 * 2 ** 30)).toThrow(
    expect.objectContaining({
      code: "arena/memory",
      message: "memory: expected at most 4096 MiB for the model, got 5120 MiB",
    }),
  );
});

test("a machine that gives no more is told from that limit", () => {
  const arena = new Arena(false);
  arena.allocate(2 ** 20);
  const got = arena.memory.buffer.byteLength / 2 ** 20;
  vi.spyOn(arena.memory, "grow").mockImplementation(() => {
    throw new RangeError("WebAssembly.Memory.grow(): Unable to grow instance memory");
  });
  const wanted = 700 * 2 ** 20;
  expect(() => arena.allocate(wanted)).toThrow(
    expect.objectContaining({
      code: "arena/memory",
      message: `memory: expected 701 MiB for the model, got ${got} MiB, for this machine gives no more`,
    }),
  );
});
