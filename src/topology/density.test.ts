import { expect, test } from "vitest";
import { SMALL, structureWith } from "../../test/support/structures.ts";
import { PRUNED_CONFIG } from "../../test/support/tiny-model.ts";
import { measureDensity } from "./density.ts";
import { COMPONENTS } from "./structure.ts";

test("density of one layer, by hand: every group's share and its difference to all together", () => {
  // Tables 5·4 + 3·4 + 2·4 = 40 weights; four projections of 4·4; two feed-forward matrices of 6·4: 152 in all.
  // Even columns stay in the tables (20 of 40), the first row of the query (4 of 16), nothing of `output`: 20 + 4 + 48 + 24.
  const structure = structureWith(SMALL, ({ component }, row, column) => {
    if (component === "embeddings") return column % 2 === 0;
    if (component === "query") return row === 0;
    return component !== "output";
  });
  const { total, components, layers, cells, matrices } = measureDensity(structure);
  const global = 96 / 152;
  expect(total).toEqual({ weights: 152, kept: 96, share: global, pruned: 56 / 152, excess: 0 });
  expect(components.map(({ component, share }) => [component, share])).toEqual(
    COMPONENTS.map((component) => [
      component,
      component === "embeddings" ? 0.5 : component === "query" ? 0.25 : component === "output" ? 0 : 1,
    ]),
  );
  expect(components.map(({ excess }) => excess)).toEqual(
    [0.5, 0.25, 1, 1, 1, 1, 0].map((share) => share - global),
  );
  expect(layers.map(({ layer, kept, pruned }) => [layer, kept, pruned])).toEqual([
    [null, 20, 0.5],
    [0, 76, 36 / 112],
  ]);
  expect(cells).toHaveLength(7);
  expect(matrices.slice(0, 3).map(({ kept }) => kept)).toEqual([10, 6, 4]);
});

test("the complement prunes what was kept", () => {
  const keeps = (_: unknown, row: number, column: number) => (row * 7 + column * 3) % 5 < 2;
  const [mask, complement] = [keeps, (...at: Parameters<typeof keeps>) => !keeps(...at)].map((each) =>
    measureDensity(structureWith(SMALL, each)),
  );
  expect(mask?.cells.map(({ share }) => share)).toEqual(complement?.cells.map(({ pruned }) => pruned));
  expect(mask?.layers.map(({ kept }) => kept)).toEqual(
    complement?.layers.map(({ weights, kept }) => weights - kept),
  );
});

test("layers of different sizes count by their weights, and a layer without heads has shares of nothing", () => {
  const [, second = { heads: 2, headSize: 8, ffn: 11 }] = PRUNED_CONFIG.layers;
  const layers = [{ ...second, heads: 0 }, second];
  const { cells, total, components } = measureDensity(
    structureWith({ ...PRUNED_CONFIG, layers }, () => true),
  );
  expect(cells.find(({ component, layer }) => component === "query" && layer === 0)).toMatchObject({
    weights: 0,
    share: null,
    pruned: null,
    excess: null,
  });
  expect([total.share, components.find(({ component }) => component === "query")?.weights]).toEqual([1, 256]);
});
