import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { methodsPage } from "./describe.ts";

test("docs/methods.md is what the table of methods says (npm run docs:methods writes it)", () => {
  const page = readFileSync(new URL("../../docs/methods.md", import.meta.url), "utf8");
  expect(page).toBe(methodsPage());
});
