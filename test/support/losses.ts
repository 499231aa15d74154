/** A symbolic loss as a number, with its gradient: for tests of losses. */

import { afterAll } from "vitest";
import { floatTensor, type Tensor } from "../../src/base/tensor.ts";
import { Engine } from "../../src/engine/engine.ts";
import { backward } from "../../src/graph/backward.ts";
import { neg } from "../../src/graph/ops/elementwise.ts";
import { program } from "../../src/graph/program.ts";
import type { Shape } from "../../src/graph/shape.ts";
import { input, type Value } from "../../src/graph/value.ts";

/** Numbers of the inputs of a loss, by name; whole ones are of labels. */
export type Numbers = Readonly<
  Record<string, readonly [shape: readonly number[], values: readonly number[]]>
>;

/** What a loss comes to. */
interface Computed {
  readonly loss: number;
  readonly gradient: number[];
}

/** An engine for losses, closed when the file's tests are done. */
export function lossesOnEngine(): {
  /** An input of real numbers. */
  readonly real: (name: string, shape: Shape) => Value;
  /** A loss as a number, and its gradient with respect to `by`. */
  readonly computed: (loss: Value, numbers: Numbers, by?: Value) => Promise<Computed>;
} {
  const engine = new Engine({ threads: 1 });
  afterAll(() => engine.close());
  let made = 0;
  const real = (name: string, shape: Shape): Value => input(name, "float32", shape);
  const computed = async (loss: Value, numbers: Numbers, by?: Value): Promise<Computed> => {
    made++;
    const gradients = by ? backward(loss, [by]) : [];
    const session = await engine.session(`${made}`, () =>
      program({
        // Some input has to say what B and T are; in a training graph the batch does.
        ...("mask" in numbers ? { sizes: neg(real("mask", ["B", "T"])) } : {}),
        loss,
        ...(gradients[0] ? { gradient: gradients[0] } : {}),
      }),
    );
    const feeds = Object.fromEntries(
      Object.entries(numbers).flatMap(([name, [shape, values]]): [string, Tensor][] => {
        const type = session.program.inputs.get(name);
        if (type === undefined) return [];
        if (type.dtype === "int32") return [[name, { dtype: "int32", shape, data: Int32Array.from(values) }]];
        return [[name, floatTensor(shape, Float32Array.from(values))]];
      }),
    );
    const [results] = await engine.run([{ session, feeds }]);
    return {
      loss: Number(results?.loss?.data[0]),
      gradient: [...(results?.gradient?.data ?? [])].map(Number),
    };
  };
  return { real, computed };
}
