/**
 * Methods on encoders whose layers share one set of tensors (ALBERT): a method that runs a layer with other tensors would
 * have none to put in its place. It is found out before the first step, by building the graph of the product.
 */

import { ConfigError } from "../base/errors.ts";
import { factsOf } from "../bert/config.ts";
import { batchInputs, contextOf, encode } from "../bert/forward.ts";
import { parameters, weightOf } from "../bert/names.ts";
import type { Sites } from "../bert/sites.ts";
import { input } from "../graph/value.ts";
import type { BoundMethod } from "./method.ts";

/** The method, when it can work on its network. @throws {ConfigError} `method/shared` */
export function requireFitting(method: BoundMethod): BoundMethod {
  const { config, head } = method.network;
  if (config.layers.every(({ sharing }) => sharing === undefined)) return method;
  const own = parameters(config, head);
  const shapes = new Map([...own, ...[...method.tensors].map(([name, { shape }]) => [name, shape] as const)]);
  const tensor = contextOf(config, shapes).parameter;
  const scalar = (name: string) => input(name, "float32", []);
  const { layer, ...sites } = method.sites(method.product(), { tensor, scalar, noise: undefined });
  if (layer === undefined) return method;
  const watched: Sites["layer"] = (i, run, at) =>
    layer(i, run, (place) => {
      if (own.has(weightOf(place.names.query))) return at(place);
      const expected = "an encoder whose layers have tensors of their own";
      const got = `${factsOf(config).type}, whose layers share them`;
      throw new ConfigError("method/shared", `${method.id}: expected ${expected}, got ${got}`);
    });
  encode(contextOf(config, shapes, { ...sites, layer: watched }), batchInputs());
  return method;
}
