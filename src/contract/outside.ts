/**
 * A method from outside of the project: a value that no compiler may have seen.
 *
 * Promise: what is no method is refused with the name of the field that is wrong, a name nobody asks for too; and
 * where a method throws, or gives something else than the contract says, the error names the method and the function.
 * Not here: where the value comes from (commands/own-method.ts).
 */

import { ConfigError, EspalierError, RunError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { optionalParameters, parameters } from "../bert/names.ts";
import { isObject } from "../formats/json.ts";
import {
  aSetting,
  aText,
  ifThere,
  type JsonShape,
  listOf,
  mapOf,
  oneOfValues,
  primitive,
  record,
} from "../formats/json-shape.ts";
import type { Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
import { type RegisteredMethod, registerMethod } from "./configured.ts";
import type { Answers, Citation, HostWork, Method, MethodState, Own, Setting } from "./method.ts";

type Settings = Readonly<Record<string, Setting["default"]>>;
type Outside = Method<Settings, MethodState>;

const FUNCTION = primitive<never>("a function", (value) => typeof value === "function");
const MAYBE = ifThere(FUNCTION);

const ID = primitive<string>(
  "a name of small letters, digits and hyphens",
  (value) => typeof value === "string" && /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(value),
);

const CITATION: JsonShape<Citation> = record<Citation>({
  title: aText,
  authors: aText,
  venue: aText,
  url: aText,
});

/** Every field of a method. One that is added to the contract without its check does not compile. */
const FIELDS: { readonly [K in keyof Outside]-?: JsonShape<Outside[K]> } = {
  id: ID,
  summary: aText,
  paper: ifThere(CITATION),
  from: oneOfValues("fine-tuned", "pre-trained"),
  config: mapOf(record<Setting>({ default: aSetting, help: aText })),
  learningRate: ifThere(record<Own<Settings>>({ of: FUNCTION, help: aText })),
  batchSize: ifThere(record<Own<Settings>>({ of: FUNCTION, help: aText })),
  prepare: MAYBE,
  init: FUNCTION,
  trains: FUNCTION,
  rule: MAYBE,
  keeps: MAYBE,
  measures: MAYBE,
  teacher: MAYBE,
  rate: MAYBE,
  scalars: MAYBE,
  structure: MAYBE,
  product: MAYBE,
  sites: FUNCTION,
  host: ifThere(record<HostWork<MethodState>>({ due: FUNCTION, run: FUNCTION })),
  ready: MAYBE,
  finish: FUNCTION,
};

/** What `sites` may answer. */
const ANSWERS: { readonly [K in keyof Answers]-?: JsonShape<Answers[K]> } = {
  weight: MAYBE,
  input: MAYBE,
  gate: MAYBE,
  residual: MAYBE,
  layer: MAYBE,
  loss: MAYBE,
  watches: MAYBE,
  updates: MAYBE,
  dropout: ifThere(primitive<never>("true or false", (value) => typeof value === "boolean")),
  everyToken: ifThere(primitive<never>("true or false", (value) => typeof value === "boolean")),
};

const VALUE = primitive<Value>(
  "a value of the graph",
  (value) => isObject(value) && typeof value.lower === "function" && Array.isArray(value.inputs),
);
const NUMBER = primitive<number>("a number", (value) => typeof value === "number" && !Number.isNaN(value));
const BATCH = primitive<number>(
  "a whole number of at least 1",
  (value) => typeof value === "number" && Number.isInteger(value) && value >= 1,
);

/** Records of functions among the fields. */
const NESTED: readonly string[] = ["host", "learningRate", "batchSize"];

/** What functions give, by their paths: where it is of another kind, the graph or the engine would fail without their names. */
const GIVES: Readonly<Record<string, JsonShape<unknown>>> = {
  "learningRate.of": ifThere(NUMBER),
  "batchSize.of": ifThere(BATCH),
  scalars: mapOf(NUMBER),
  structure: aText,
  product: aText,
  "sites.weight": VALUE,
  "sites.input": VALUE,
  "sites.gate": VALUE,
  "sites.residual": VALUE,
  "sites.layer": FUNCTION,
  "sites.loss": VALUE,
  "sites.watches": listOf(VALUE),
  "sites.updates": mapOf(VALUE),
};

/**
 * A value from outside as a method.
 *
 * @param where  what messages call the place it came from
 * @throws {ConfigError} `method/shape` naming the field that is wrong
 */
export function methodFromOutside(value: unknown, where: string): RegisteredMethod {
  requireMethod(value, where);
  const named: unknown = namingErrors(value, value.id);
  requireMethod(named, where);
  const { finish, init, sites } = named;
  const checked: Outside = {
    ...named,
    init: (...args) => stateOf(value.id, init(...args)),
    sites: (...args) => answersOf(value.id, sites(...args)),
    finish: (...args) => productOf(value.id, finish(...args)),
  };
  return { ...registerMethod(checked), value };
}

function requireMethod(value: unknown, where: string): asserts value is Outside {
  const problem = isObject(value)
    ? (misnamed(value, FIELDS, "method") ?? record<Outside>(FIELDS).problem(value, "method"))
    : `method: expected an object, got ${kindOf(value)}`;
  if (problem !== undefined) throw new ConfigError("method/shape", `${problem} (${where})`);
}

/** A name that nobody asks for is a name that was mistyped. */
function misnamed(value: object, fields: object, what: string): string | undefined {
  const known = Object.keys(fields);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return undefined;
  const near = nearest(unknown, known);
  return `${what}: expected none but ${known.join(", ")}, got "${unknown}"${near ? `; did you mean "${near}"?` : ""}`;
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}

/** The same record with functions whose errors say where they come from. */
function namingErrors(value: object, id: string, prefix = ""): object {
  const named = Object.entries(value).map(([name, part]: [string, unknown]) => {
    const path = `${prefix}${name}`;
    if (typeof part === "function") return [name, namingItsErrors(part, value, { id, path })];
    return [name, NESTED.includes(name) && isObject(part) ? namingErrors(part, id, `${name}.`) : part];
  });
  return Object.fromEntries(named);
}

/** A function of a method. */
interface Place {
  readonly id: string;
  readonly path: string;
}

// biome-ignore lint/complexity/noBannedTypes: any function at all, which is called with what it would have been called with
function namingItsErrors(work: Function, owner: object, at: Place): (...args: unknown[]) => unknown {
  const name = `${at.id}.${at.path}`;
  return (...args) => {
    try {
      const result: unknown = Reflect.apply(work, owner, args);
      if (result instanceof Promise) return result.catch((error: unknown) => rethrow(error, name));
      const problem = GIVES[at.path]?.problem(result, name);
      if (problem !== undefined) throw new RunError("method/result", problem);
      return result;
    } catch (error) {
      return rethrow(error, name);
    }
  };
}

function rethrow(error: unknown, name: string): never {
  if (error instanceof EspalierError) throw error;
  const got = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const place =
    error instanceof Error ? /((?:file:|\/|[A-Z]:\\)[^()\n]*:\d+:\d+)/.exec(error.stack ?? "") : null;
  const at = place ? ` (${place[1]})` : "";
  throw new RunError("method/failed", `${name}: expected it to return, got ${got}${at}`, { cause: error });
}

function stateOf(id: string, state: unknown): MethodState {
  if (isState(state)) return state;
  throw new RunError(
    "method/state",
    `${id}.init: expected a state with a Map "tensors", got ${kindOf(state)}`,
  );
}

function isState(value: unknown): value is MethodState {
  if (!isObject(value) || !(value.tensors instanceof Map)) return false;
  return [...value.tensors.values()].every(
    (tensor) => isObject(tensor) && tensor.data instanceof Float32Array,
  );
}

function answersOf(id: string, answers: unknown): Answers {
  const problem = isObject(answers)
    ? (misnamed(answers, ANSWERS, `${id}.sites`) ?? record<Answers>(ANSWERS).problem(answers, `${id}.sites`))
    : `${id}.sites: expected an object of answers, got ${kindOf(answers)}`;
  if (problem !== undefined) throw new RunError("method/sites", problem);
  return namingErrors(Object(answers), id, "sites.");
}

/** The product, with exactly the tensors of its configuration, a spare pooler apart. */
function productOf(id: string, product: Network): Network {
  if (!isObject(product) || !(product.tensors instanceof Map)) {
    throw new RunError("method/product", `${id}.finish: expected a network, got ${kindOf(product)}`);
  }
  const { config, head, tensors } = product;
  const [needed, spare] = [parameters(config, head), optionalParameters(config, head)];
  for (const [name, shape] of needed) {
    const got = tensors.get(name)?.shape.join(" × ") ?? "none";
    if (got === shape.join(" × ")) continue;
    throw new RunError("method/product", `${id}.finish: expected ${name} [${shape.join(" × ")}], got ${got}`);
  }
  const extra = [...tensors.keys()].find((name) => !needed.has(name) && !spare.has(name));
  if (extra === undefined) return product;
  throw new RunError("method/product", `${id}.finish: expected the network's own tensors, got ${extra} too`);
}
