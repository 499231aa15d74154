import { expect, test } from "vitest";
import { smallNetwork } from "../../test/support/training.ts";
import { program } from "../graph/program.ts";
import { input } from "../graph/value.ts";
import { normSites } from "./function-norms.ts";

const { config } = smallNetwork({ kind: "tokens", labels: ["a", "b"] }, 1);

test.each([
  ["first tokens, where the head reads these alone", true, "first"],
  ["all tokens, where the head reads more", false, "all"],
])("the last layer, which runs for first tokens and for all, is measured at %s", (_, readsFirst, read) => {
  const sites = normSites(
    config,
    [{ kind: "ffn", layer: 0, place: 0, weights: 1 }],
    (name) => input(name, "float32", []),
    readsFirst,
  );
  for (const name of ["first", "all"])
    sites.residual({ kind: "ffn", layer: 0 }, input(name, "float32", ["N", 12]));
  expect([...program({ norms: sites.norms() }).inputs.keys()]).toEqual([read]);
});
