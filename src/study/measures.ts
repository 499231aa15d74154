/**
 * Every scalar that the study has of a mask: densities, and what the other analyses of topology/ say in one number each.
 *
 *   density…        shares of weights kept: of all, by component, by layer (`density.layer.0`); `density.embeddings` is both
 *   path…           shares of the kept weights that lie on a path; `alone` is without the residual stream
 *   beyond…         what was found less what chance gives at the density of each matrix
 *
 * A measure of several matrices is their mean over the encoder. Of spectra, which take a hundred times as long as all the
 * others, only what the mask alone has: the weights are gone. Not here: formulas (the headers of topology/).
 */

import type { Key } from "../base/random.ts";
import { meanOfKnown } from "../base/statistics.ts";
import { type Counted, excessOf, shareOf } from "../topology/chance.ts";
import { type Degrees, measureDegrees } from "../topology/degrees.ts";
import { type Density, measureDensity } from "../topology/density.ts";
import { countJunctions, type Junctions } from "../topology/junctions.ts";
import { findPaths, type PathRecord, type UnitKind } from "../topology/paths.ts";
import { findMaskSpectra } from "../topology/spectra.ts";
import { type Component, componentsOf, type Structure } from "../topology/structure.ts";
import { surveyUnits, type Tally, type Units } from "../topology/units.ts";
import type { RunRecord } from "./record.ts";

type Values = Readonly<Record<string, number | null>>;

/** What is no density, in words: what the accuracy that is left may depend on. A missing name is a compile error. */
export const PREDICTORS = {
  "heads.dead": "dead heads",
  "heads.nearlyDead": "nearly dead heads",
  "neurons.dead": "dead neurons",
  "neurons.nearlyDead": "nearly dead neurons",
  "neurons.beyondDead": "dead neurons beyond chance",
  path: "weights on a path",
  "path.beyond": "weights on a path beyond chance",
  "path.neurons": "neurons on a path",
  "path.log": "paths (log)",
  "path.logBeyond": "paths beyond chance (log)",
  "alone.path": "weights on a path without the residual stream",
  "alone.beyond": "weights on a path without it beyond chance",
  "alone.neurons": "neurons on a path without it",
  "alone.log": "paths without it (log)",
  "alone.logBeyond": "paths without it beyond chance (log)",
  "degrees.in": "spread of fan-in",
  "degrees.out": "spread of fan-out",
  "degrees.inBeyond": "spread of fan-in beyond chance",
  "degrees.outBeyond": "spread of fan-out beyond chance",
  "hubs.in": "hubs by fan-in",
  "hubs.out": "hubs by fan-out",
  "junctions.written": "written units that are read",
  "junctions.read": "read units that are written",
  "junctions.neurons": "neurons written and read",
  "spectra.stableRank": "stable rank of the mask",
  "spectra.gap": "Ramanujan gap of the mask",
} as const;
export type Predictor = keyof typeof PREDICTORS;

/** The names of `PREDICTORS`, in its order. */
export function predictors(): Predictor[] {
  return Object.keys(PREDICTORS).filter((name): name is Predictor => Object.hasOwn(PREDICTORS, name));
}

export interface MeasureOptions {
  /** Of the iterations' starts. */
  readonly key: Key;
  /** Measure spectra too: seconds to minutes a mask. */
  readonly spectra: boolean;
}

/** Measures one mask. */
export function measureMask(structure: Structure, { key, spectra }: MeasureOptions): Values {
  const { withResidual, withoutResidual } = findPaths(structure);
  const measured: Partial<Record<Predictor, number | null>> = {
    ...unitValues(surveyUnits(structure)),
    ...residualValues(withResidual),
    ...aloneValues(withoutResidual),
    ...degreeValues(structure),
    ...junctionValues(countJunctions(structure)),
    ...(spectra ? spectrumValues(structure, key) : {}),
  };
  return {
    ...densityValues(measureDensity(structure)),
    ...byComponent("path", withResidual),
    ...byComponent("alone.path", withoutResidual),
    ...measured,
  };
}

/** Of the mask's name in `measures`. */
export function densityOf(group: Component | number): string {
  return typeof group === "number" ? `density.layer.${group}` : `density.${group}`;
}

function densityValues({ total, components, layers, matrices }: Density): Values {
  const encoder = matrices.filter(({ layer }) => layer !== null);
  const sum = (of: "kept" | "weights"): number => encoder.reduce((n, each) => n + each[of], 0);
  const inner = layers.flatMap(({ layer, share }) => (layer === null ? [] : [[densityOf(layer), share]]));
  return {
    weights: total.weights,
    density: total.share,
    "density.encoder": shareOf(sum("kept"), sum("weights")),
    ...Object.fromEntries(components.map(({ component, share }) => [densityOf(component), share])),
    ...Object.fromEntries(inner),
  };
}

function byComponent(name: "path" | "alone.path", { components }: PathRecord): Values {
  return Object.fromEntries(
    components.map(({ component, onPath, kept }) => [`${name}.${component}`, shareOf(onPath, kept)]),
  );
}

function unitValues({ heads, neurons }: Units): Partial<Record<Predictor, number | null>> {
  const share = ({ units }: Tally, found: number): number | null => shareOf(found, units);
  return {
    "heads.dead": share(heads, heads.dead.found),
    "heads.nearlyDead": share(heads, heads.nearlyDead.found),
    "neurons.dead": share(neurons, neurons.dead.found),
    "neurons.nearlyDead": share(neurons, neurons.nearlyDead.found),
    "neurons.beyondDead": share(neurons, beyond(neurons.dead)),
  };
}

function residualValues(record: PathRecord): Partial<Record<Predictor, number | null>> {
  const [path, chance] = pathShares(record);
  return {
    path,
    "path.beyond": excessOf(path, chance),
    "path.neurons": effectiveShare(record, "neuron"),
    "path.log": record.logPaths,
    "path.logBeyond": excessOf(record.logPaths, record.logPathsByChance),
  };
}

function aloneValues(record: PathRecord): Partial<Record<Predictor, number | null>> {
  const [path, chance] = pathShares(record);
  return {
    "alone.path": path,
    "alone.beyond": excessOf(path, chance),
    "alone.neurons": effectiveShare(record, "neuron"),
    "alone.log": record.logPaths,
    "alone.logBeyond": excessOf(record.logPaths, record.logPathsByChance),
  };
}

function pathShares({ total }: PathRecord): [found: number | null, chance: number | null] {
  return [shareOf(total.onPath, total.kept), shareOf(total.onPathByChance, total.kept)];
}

function effectiveShare({ units }: PathRecord, kind: UnitKind): number | null {
  const found = units.find((each) => each.kind === kind);
  return found === undefined ? null : shareOf(found.effective, found.units);
}

function degreeValues(structure: Structure): Partial<Record<Predictor, number | null>> {
  const inner = measureDegrees(structure).matrices.filter(({ layer }) => layer !== null);
  const [into, out] = [inner.map(({ fanIn }) => fanIn), inner.map(({ fanOut }) => fanOut)];
  const spread = (sides: readonly Degrees[]): number | null =>
    meanOfKnown(sides.map(({ variation }) => variation));
  const past = (sides: readonly Degrees[]): number | null =>
    meanOfKnown(sides.map(({ variation, chanceVariation }) => excessOf(variation, chanceVariation)));
  const hubs = (sides: readonly Degrees[]): number | null =>
    shareOf(
      sides.reduce((n, side) => n + side.hubs.found, 0),
      sides.reduce((n, { units }) => n + units, 0),
    );
  return {
    "degrees.in": spread(into),
    "degrees.out": spread(out),
    "degrees.inBeyond": past(into),
    "degrees.outBeyond": past(out),
    "hubs.in": hubs(into),
    "hubs.out": hubs(out),
  };
}

function junctionValues({ junctions }: Junctions): Partial<Record<Predictor, number | null>> {
  const neurons = junctions.filter(({ kind }) => kind === "neurons");
  return {
    "junctions.written": meanOfKnown(junctions.map(({ ofWritten }) => ofWritten)),
    "junctions.read": meanOfKnown(junctions.map(({ ofRead }) => ofRead)),
    "junctions.neurons": shareOf(
      neurons.reduce((n, { both }) => n + both.found, 0),
      neurons.reduce((n, { units }) => n + units, 0),
    ),
  };
}

function spectrumValues(structure: Structure, key: Key): Partial<Record<Predictor, number | null>> {
  const spectra = findMaskSpectra(structure, key);
  return {
    "spectra.stableRank": meanOfKnown(
      spectra.map(({ kept, mask }) => (mask.first === 0 ? null : kept / mask.first ** 2)),
    ),
    // Below a mean degree of 3 the bound is not one.
    "spectra.gap": meanOfKnown(spectra.map(({ mask }) => (mask.applies ? mask.gap : null))),
  };
}

function beyond({ found, chance }: Counted): number {
  return found - chance;
}

/** The components that masks of a study have, in their order: gates where a model has them. */
export function componentsIn(runs: readonly Pick<RunRecord, "measures">[]): Component[] {
  const hasGates = runs.some(({ measures }) => measures[densityOf("gate")] !== undefined);
  return componentsOf(hasGates ? [{ component: "gate" }] : []);
}
