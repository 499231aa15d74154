/**
 * What every method owes, as named checks that any test runner can run. The project's own methods are held to the same.
 *
 *   for (const { name, run } of contractTests(MINE)) test(name, run);          // node:test, vitest, jest
 *
 * A method is tried on a small network with made-up texts. Needs no files and takes seconds. Not here: whether a method
 * is any good, which only real data can tell.
 */

import { RunError } from "../base/errors.ts";
import type { Head } from "../bert/config.ts";
import type { RegisteredMethod } from "../contract/configured.ts";
import type { Method, MethodState, Setting } from "../contract/method.ts";
import { methodFromOutside } from "../contract/outside.ts";
import { OBLIGATIONS } from "./obligations.ts";
import { CLASSES } from "./small-network.ts";
import { type Trial, trialOf } from "./trial.ts";

/** What a method is held to; everything has a default. */
export interface ContractOptions {
  /** Choices of settings, each as `--set` would give them; default the method's own defaults alone. */
  readonly settings?: readonly Readonly<Record<string, Setting["default"]>>[];
  /** Default: three classes, and a masked language model, whose word embeddings are read twice. */
  readonly heads?: readonly Head[];
  /** Layers of the network; default 2. */
  readonly layers?: number;
}

/** One check. */
export interface ContractTest {
  readonly name: string;
  /** @throws {RunError} `method/contract` with everything that is wrong; whatever the method throws */
  readonly run: () => Promise<void>;
}

/**
 * The checks of a method: every obligation under every choice of settings and every head.
 *
 * @throws {ConfigError} `method/shape` for a value that is no method
 * @example for (const { name, run } of contractTests(MAGNITUDE)) console.log(name, run);
 */
export function contractTests<Config extends object, State extends MethodState>(
  method: Method<Config, State>,
  options: ContractOptions = {},
): readonly ContractTest[] {
  return contractTestsOf(methodFromOutside(method, "contractTests"), options);
}

/** As `contractTests`, of a method whose types are closed over. */
export function contractTestsOf(method: RegisteredMethod, options: ContractOptions): readonly ContractTest[] {
  const { settings = [{}], heads = [CLASSES, { kind: "mlm" }], layers = 2 } = options;
  return settings.flatMap((set) =>
    heads.flatMap((head) => {
      let trial: Trial | undefined;
      // Bound when the first check runs: settings that do not fit fail a check, not the file of tests.
      const onTrial = (): Trial => {
        trial ??= trialOf(method, { set, head, layers });
        return trial;
      };
      return OBLIGATIONS.map(({ holds, problems }) => ({
        name: `${method.id} ${JSON.stringify(set)} ${"reader" in head ? head.reader : head.kind}: ${holds}`,
        run: async () => {
          const found = await problems(onTrial());
          if (found.length > 0) throw new RunError("method/contract", `${method.id}: ${found.join("\n  ")}`);
        },
      }));
    }),
  );
}
