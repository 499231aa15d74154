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

test("where the system sets less aside for a shared memory, half is asked for until it is had", () => {
  const asked: number[] = [];
  class Refusing extends WebAssembly.Memory {
    constructor(pages: ConstructorParameters<typeof WebAssembly.Memory>[0]) {
      asked.push(Number(pages.maximum));
      if (Number(pages.maximum) > 2 ** 14) throw new RangeError("Out of memory");
      super(pages);
    }
  }
  vi.stubGlobal("WebAssembly", Object.create(WebAssembly, { Memory: { value: Refusing } }));
  try {
    const arena = new Arena(true);
    expect(asked).toEqual([2 ** 16, 2 ** 15, 2 ** 14]);
    expect(() => arena.allocate(2 ** 30 + 1)).toThrow(/at most 1024 MiB for the model/);
    expect(() => new Arena(false)).toThrow(expect.objectContaining({ code: "arena/memory" }));
  } finally {
    vi.unstubAllGlobals();
  }
});
