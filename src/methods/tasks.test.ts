/**
 * Methods on every kind of task: none of their files knows one. The other obligations are held for classes (contract.ts).
 * The rows of methods in the table of `docs/tasks.md` are what came out.
 */

import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { SETTINGS } from "../../test/support/paper-methods.ts";
import type { Head } from "../bert/config.ts";
import { OBLIGATIONS } from "../obligations/obligations.ts";
import { trialOf } from "../obligations/trial.ts";
import { METHODS } from "./registry.ts";

/** In the order of the table's columns, after classes, for which every method owes all obligations (contract.ts). */
const HEADS: readonly Head[] = [
  { kind: "regression" },
  { kind: "multi-label", labels: ["a", "b", "c"] },
  { kind: "tokens", labels: ["O", "B-X", "I-X"] },
  { kind: "none", pooling: { mode: "mean", normalize: true } },
];

/** Of those every method owes: what it trains has gradients, and its product answers as its graph did. */
const HELD = OBLIGATIONS.filter(({ holds }) => /^gradients reach|^finish\(\) gives/.test(holds));

/** What the table says of a method and a kind of head. */
const cells = new Map<string, string>();

describe.each(HEADS)("$kind", (head) => {
  test.each(Object.entries(SETTINGS))(
    "%s: gradients arrive, and the product answers as the graph",
    async (id, set) => {
      const method = Object.entries(METHODS).find(([name]) => name === id)?.[1];
      if (method === undefined) throw new Error(`no method ${id}`);
      const trial = trialOf(method, { set, head, layers: 2 });
      const problems = await Promise.all(HELD.map((obligation) => obligation.problems(trial)));
      expect(HELD).toHaveLength(2);
      expect(problems.flat()).toEqual([]);
      cells.set(`${id} ${head.kind}`, "yes");
    },
  );
});

test("docs/tasks.md has the rows of the methods", async (context) => {
  const methods = Object.keys(SETTINGS);
  if (cells.size < methods.length * HEADS.length) return context.skip("only a part of the table was made");
  const rows = methods.map((id) => {
    const each = HEADS.map(({ kind }) => cells.get(`${id} ${kind}`) ?? "no");
    return `| ${[`trained by \`${id}\``, "yes", ...each].join(" | ")} |`;
  });
  const page = await readFile(new URL("../../docs/tasks.md", import.meta.url), "utf8");
  expect(page).toContain(`${rows.join("\n")}\n`);
});
