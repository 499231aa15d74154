import { afterEach, expect, test, vi } from "vitest";
import { closable } from "./closable.ts";

afterEach(() => vi.unstubAllGlobals());

test("the end of a block waits until what was opened in it is closed", async () => {
  const said: string[] = [];
  {
    await using _ = closable(async () => {
      await Promise.resolve();
      said.push("closed");
    });
    said.push("open");
  }
  expect(said).toEqual(["open", "closed"]);
});

test("where the platform has no name for it there is `close` alone", () => {
  vi.stubGlobal("Symbol", {});
  expect(Object.keys(closable(async () => {}))).toEqual(["close"]);
});
