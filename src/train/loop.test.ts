import { expect, test } from "vitest";
import { CLASSES, madeUpBatch, settingsOf, smallNetwork, withTrainer } from "../../test/support/training.ts";
import { RunError } from "../base/errors.ts";
import { keyOf } from "../base/random.ts";
import type { Head } from "../bert/config.ts";
import { methodById } from "../methods/registry.ts";
import { type LoopEvent, type LoopPlan, type LoopState, train } from "./loop.ts";
import type { Trainer } from "./trainer.ts";

/** A trainer without dropout on a network of one layer. */
function withSmall<T>(use: (trainer: Trainer) => Promise<T>, head: Head = CLASSES): Promise<T> {
  const network = smallNetwork(head, 1);
  const method = methodById("finetune").bind(network, { steps: 10, key: keyOf(0) });
  return withTrainer(settingsOf(method, undefined), use);
}

/** Five steps with an evaluation after every second; the n-th finds `primaries[n]` and `losses[n]`, or 1. */
function planOf(
  primaries: readonly number[],
  change: Partial<LoopPlan> = {},
  losses: readonly number[] = [],
): LoopPlan {
  let made = 0;
  return {
    steps: 5,
    rate: (step) => 1e-3 * (step + 1),
    batches: (step) => [madeUpBatch(CLASSES, step, 2), madeUpBatch(CLASSES, step + 50, 3)],
    evaluateEvery: 2,
    evaluate: async () => {
      const [primary = 0, loss = 1] = [primaries[made], losses[made]];
      made++;
      return { metrics: { accuracy: primary }, primary, loss };
    },
    ...change,
  };
}

async function follow(
  trainer: Trainer,
  plan: LoopPlan,
  start?: LoopState,
): Promise<{ events: LoopEvent[]; state: LoopState }> {
  const events: LoopEvent[] = [];
  const loop = train(trainer, plan, start);
  for (;;) {
    const { value, done } = await loop.next();
    if (done) return { events, state: value };
    events.push(value);
  }
}

/** `s3` for step 3, `e4` for the evaluation after step 4. */
const told = (events: readonly LoopEvent[]): string =>
  events.map(({ kind, step }) => `${kind[0]}${step}`).join(" ");

test("steps and evaluations come in order, an evaluation after the last step included", async () => {
  const { events } = await withSmall((trainer) => follow(trainer, planOf([])));
  expect(told(events)).toBe("s1 s2 e2 s3 s4 e4 s5 e5");
  const [first] = events;
  expect(first).toMatchObject({ kind: "step", step: 1, rate: 1e-3, examples: 5 });
  expect(events[1]).toMatchObject({ rate: 2e-3 });
  const even = await withSmall((trainer) => follow(trainer, planOf([], { steps: 4 })));
  expect(told(even.events)).toBe("s1 s2 e2 s3 s4 e4");
});

test("the best model is that of the highest evaluation, copied as it was", async () => {
  const { state, then } = await withSmall(async (trainer) => {
    const plan = planOf([0.5, 0.7, 0.6]);
    let then: Awaited<ReturnType<Trainer["tensors"]>> | undefined;
    const evaluate: LoopPlan["evaluate"] = async (t) => {
      if (t.steps === 4) then = await t.tensors();
      return plan.evaluate(t);
    };
    const { state } = await follow(trainer, { ...plan, evaluate });
    return { state, then };
  });
  expect(state.best).toMatchObject({ step: 4, primary: 0.7, metrics: { accuracy: 0.7 } });
  expect(state.best?.tensors).toEqual(then);
  expect(state.last).toEqual({ step: 5, primary: 0.6, loss: 1, metrics: { accuracy: 0.6 } });
  expect(state.stale).toBe(1);
});

test.each([
  ["of equal metrics the one of less loss is kept", [0.7, 0.7, 0.7], [0.6, 0.4, 0.5], 4, 1],
  ["of equal metrics and losses the later is kept, and counts as no progress", [0.7, 0.7, 0.7], [], 5, 2],
  ["a lower loss does not make up for a lower metric", [0.7, 0.6, 0.5], [0.6, 0.2, 0.1], 2, 2],
  ["a higher metric counts whatever the loss", [0.5, 0.6, 0.6], [0.1, 0.9, 0.95], 4, 1],
])("%s", async (_, primaries, losses, step, stale) => {
  const { state } = await withSmall((trainer) => follow(trainer, planOf(primaries, {}, losses)));
  expect({ step: state.best?.step, stale: state.stale }).toEqual({ step, stale });
});

test("a model that answers all alike is never kept where another was found, whatever its metric", async () => {
  const evaluations = [
    { primary: 0.9, constant: true },
    { primary: 0.4, constant: false },
    { primary: 0.9, constant: true },
  ];
  const evaluate = async () => {
    const { primary = 0, constant = false } = evaluations.shift() ?? {};
    return { metrics: { accuracy: primary }, primary, loss: 1, constant };
  };
  const { state } = await withSmall((trainer) => follow(trainer, planOf([], { evaluate })));
  expect(state.best).toMatchObject({ step: 4, primary: 0.4, constant: false });
});

test("patience: the loop stops after as many evaluations without a better one", async () => {
  const stopped = async (primaries: number[], patience: number) => {
    const plan = planOf(primaries, { steps: 12, patience });
    const { events, state } = await withSmall((trainer) => follow(trainer, plan));
    return [events.at(-1)?.step, state.best?.step];
  };
  expect(await stopped([3, 2], 1)).toEqual([4, 2]);
  expect(await stopped([3, 2, 4, 1, 1], 2)).toEqual([10, 6]);
  expect(await stopped([1, 2, 3, 4, 5, 6], 1)).toEqual([12, 12]);
});

test("resumed: an evaluation that was due is made first, one that was made is not made again", async () => {
  const [due, made, over] = await withSmall(async (trainer) => {
    const plan = planOf([]);
    const until = async (step: number): Promise<LoopState | undefined> => {
      for await (const event of train(trainer, plan, { stale: 0 })) {
        if (event.kind === "evaluation") return event.state;
        if (event.step === step) return undefined;
      }
      return undefined;
    };
    await until(2);
    const state = await until(99);
    const rest = await follow(trainer, plan, state);
    return [state?.last?.step, told(rest.events), await follow(trainer, plan, rest.state)];
  });
  expect(due).toBe(2);
  expect(made).toBe("s3 s4 e4 s5 e5");
  expect(over.events).toEqual([]);
});

test("resumed after patience ran out, a run makes no step", async () => {
  const plan = planOf([2, 1], { steps: 12, patience: 1 });
  const again = await withSmall(async (trainer) => {
    const { state } = await follow(trainer, plan);
    return follow(trainer, plan, state);
  });
  expect(again.events).toEqual([]);
});

test("train/diverged: a loss that is not finite stops the loop, named, with the weights before it", async () => {
  const head: Head = { kind: "regression" };
  const good = madeUpBatch(head, 0);
  const bad = { ...good, labels: good.labels.map(() => Number.POSITIVE_INFINITY) };
  const plan = planOf([], { batches: (step) => [step === 2 ? bad : good] });
  await withSmall(async (trainer) => {
    const loop = train(trainer, plan);
    for (let i = 0; i < 3; i++) await loop.next(); // two steps and an evaluation
    const before = await trainer.tensors();
    const error = await loop.next().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(RunError);
    expect(error).toMatchObject({
      code: "train/diverged",
      message: expect.stringMatching(/got loss Infinity .* at step 3, learning rate 3\.00e-3/),
    });
    expect(await trainer.tensors()).toEqual(before);
  }, head);
});
