import { expect, test } from "vitest";
import { SMALL, structureWith } from "../../test/support/structures.ts";
import { compareHubs, measureDegrees } from "./degrees.ts";
import { measureDensity } from "./density.ts";
import { compareImportance } from "./importance.ts";
import { countJunctions } from "./junctions.ts";
import { compareMasks } from "./overlap.ts";
import type { Structure } from "./structure.ts";
import { surveyUnits } from "./units.ts";

/** Every analysis of masks; importance is of scores, here 1 for what is there. */
const ANALYSES: Readonly<Record<string, (structure: Structure) => unknown>> = {
  density: measureDensity,
  units: (structure) => surveyUnits(structure),
  degrees: measureDegrees,
  junctions: countJunctions,
  overlap: (structure) => compareMasks(structure, structure),
  hubs: (structure) => compareHubs(structure, structure),
  importance: (structure) => {
    const scores = structure.matrices.map(({ name, bits }) => [name, Float32Array.from(bits.words)] as const);
    return compareImportance(new Map(scores), new Map(scores), 0.1);
  },
};

const NO_MODULES = { ...SMALL, layers: [{ heads: 0, headSize: 2, ffn: 0 }] };
const STRUCTURES: readonly (readonly [string, Structure])[] = [
  ["a sparse one", structureWith(SMALL, (_, row, column) => (row * 5 + column) % 4 === 0)],
  ["a whole one", structureWith(SMALL, () => true)],
  ["an empty one", structureWith(SMALL, () => false)],
  ["one without heads and neurons", structureWith(NO_MODULES, () => true)],
  ["one without layers", structureWith({ ...SMALL, layers: [] }, () => true)],
];

test.each(STRUCTURES)(
  "of %s every record is the same after JSON: finite numbers, plain arrays",
  (_, structure) => {
    for (const [analysis, run] of Object.entries(ANALYSES)) {
      const record = run(structure);
      expect(JSON.parse(JSON.stringify(record)), analysis).toStrictEqual(record);
    }
  },
);
