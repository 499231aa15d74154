/**
 * The obligations of a method. Each looks at a trial and gives what is wrong, one line each; none when it is met.
 *
 * Not here: the networks and runs (trial.ts), and how a failure is told (contract-tests.ts).
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type BlockShape, blockNamed, blockSize, weightsOfBlock } from "../base/blocks.ts";
import { RunError } from "../base/errors.ts";
import { keyOf } from "../base/random.ts";
import { type FloatTensor, floatTensor, largestGap } from "../base/tensor.ts";
import { parameters } from "../bert/names.ts";
import { bind } from "../contract/method.ts";
import { FINETUNE } from "../methods/finetune.ts";
import type { Network } from "../network/network.ts";
import { type Trainer, tensorsOf } from "../train/trainer.ts";
import { brokenBlocks } from "./broken-blocks.ts";
import { madeUpBatch } from "./small-network.ts";
import { runInPieces, runPlan, settingsOf, withTrainer } from "./small-runs.ts";
import { PROBE, STEPS, stepTimes, type Trial } from "./trial.ts";

export interface Obligation {
  /** What holds, as the name of a test says it. */
  readonly holds: string;
  readonly problems: (trial: Trial) => Promise<readonly string[]>;
}

function same(a: FloatTensor | undefined, b: FloatTensor | undefined): boolean {
  return (a && b && a.data.length === b.data.length && a.data.every((x, i) => x === b.data[i])) ?? false;
}

/** Trained tensors without a gradient: to train them was a mistake, or what was to carry it does not. */
async function unreached({ method, product }: Trial): Promise<string[]> {
  const { tensors, means } = await product();
  const names = [...tensorsOf(method)].flatMap(([name, before]) => {
    // A softmax does not see what is added to all of its row: a key's bias has no gradient but rounding.
    if (!method.trains(name) || name.endsWith("self.key.bias")) return [];
    const { kind = "adamw", decay } = method.rule(name) ?? {};
    // Without decay nothing but a gradient moves a tensor, also where the optimizer started anew since.
    const hasMoved = (kind === "descent" || decay === 0) && !same(tensors.get(name), before);
    const hasMean = kind === "adamw" && means.get(name)?.some((mean) => Math.abs(mean) > 1e-9);
    return hasMoved || hasMean ? [] : [name];
  });
  return names.map((name) => `${name}: expected a gradient, got none in ${STEPS} steps`);
}

/** Tensors that moved and should not have, or the other way round; and what was written where others read. */
async function misplacedMoves({ method, settings, whole }: Trial): Promise<string[]> {
  const before = tensorsOf(settings().method);
  const copies = new Map(
    [...before].map(([name, { shape, data }]) => [name, floatTensor(shape, data.slice())]),
  );
  const { tensors } = await whole();
  const lost = isDeepStrictEqual([...tensors.keys()], [...before.keys()])
    ? []
    : ["tensors: expected the same names"];
  const written = [...before].filter(([name, tensor]) => !same(tensor, copies.get(name)));
  const moved = new Set(
    [...tensors].flatMap(([name, tensor]) => (same(tensor, copies.get(name)) ? [] : [name])),
  );
  const moves = new Set([...tensors.keys()].filter((name) => method.trains(name) || method.keeps(name)));
  // A tensor whose rate a method can stop may be back where it began: a ticket's is.
  const held = [...moves].filter((name) => !moved.has(name) && method.rule(name)?.scaledBy === undefined);
  return [
    ...lost,
    ...written.map(([name]) => `${name}: expected the given tensor as it was, got one that was written to`),
    ...[...moved]
      .filter((name) => !moves.has(name))
      .map((name) => `${name}: expected its bytes, got others; it is not trained`),
    ...held.map(
      (name) =>
        `${name}: expected other bytes, got the same; it is ${method.trains(name) ? "trained" : "kept"}`,
    ),
  ];
}

/** Largest difference of logits between the trained graph and the finished network as anyone else reads it. */
const LOGIT_BOUND = 1e-5;

async function unfaithful({ head, product, on }: Trial): Promise<string[]> {
  const { network, logits } = await product();
  const shapes = new Map([...network.tensors].map(([name, { shape }]) => [name, [...shape]]));
  const needed = parameters(network.config, network.head);
  if (!isDeepStrictEqual(shapes, needed))
    return ["tensors: expected those of the product's configuration, got others"];
  if (logits === undefined) return [];
  const plain = bind(FINETUNE, network, {}, { steps: 1, key: keyOf(0) });
  const batch = madeUpBatch(head, PROBE.number, PROBE.size);
  const again = await withTrainer(settingsOf(plain, undefined), (trainer) => trainer.logits(batch), { on });
  if (again.length !== logits.length) return [`logits: expected ${again.length}, got ${logits.length}`];
  const gap = largestGap(logits, again);
  if (gap < LOGIT_BOUND) return [];
  return [`logits: expected those of the trained graph to ${LOGIT_BOUND}, got ${gap} apart`];
}

/** What is wrong with zeros and masks of a product; whatever a method without masks leaves is right. */
async function unpruned(trial: Trial): Promise<string[]> {
  const { method, configuration, product } = trial;
  const { masks = new Map(), tensors } = (await product()).network;
  if (masks.size === 0 && "sparsity" in configuration)
    return ["masks: expected some for its sparsity, got none"];
  const block = blockOf(trial);
  const wrong: string[] = [];
  for (const [name, mask] of masks) {
    const now = tensors.get(name);
    if (now === undefined) {
      wrong.push(`${name}: expected the tensor of its mask, got none`);
      continue;
    }
    const then = method.network.tensors.get(name);
    const bits: readonly number[] = [...mask.data];
    if (
      !isDeepStrictEqual(
        [...now.data].map((w) => (w === 0 ? 0 : 1)),
        bits,
      )
    ) {
      wrong.push(`${name}: expected exact zeros where its mask is 0, and nowhere else`);
    }
    const broken = brokenBlocks(now, blockSize(block));
    if (broken > 0)
      wrong.push(`${name}: expected blocks of ${block} whole or gone, got ${broken} that are neither`);
    const isFrozen = !method.trains(name) && !method.keeps(name);
    if (isFrozen && now.data.some((w, i) => w !== 0 && w !== then?.data[i])) {
      wrong.push(`${name}: expected frozen weights as they were, got others`);
    }
  }
  return [...wrong, ...missedSparsity(trial, { masks })];
}

/** The blocks that were asked for; single weights where a method has no such setting, or another of that name. */
function blockOf({ configuration }: Pick<Trial, "configuration">): BlockShape {
  return blockNamed(String(configuration.block ?? 1)) ?? "1";
}

/** Off the sparsity that was asked for, by more than one block of each matrix. */
function missedSparsity(trial: Trial, { masks = new Map() }: Pick<Network, "masks">): string[] {
  const { sparsity } = trial.configuration;
  if (sparsity === undefined) return [];
  const bits = [...masks.values()].flatMap(({ data }) => [...data]);
  const zeros = bits.filter((bit) => bit === 0).length;
  const asked = bits.length * Number(sparsity);
  if (Math.abs(zeros - asked) <= masks.size * weightsOfBlock(blockOf(trial))) return [];
  return [`sparsity: expected ${asked} of ${bits.length} weights at 0, got ${zeros}`];
}

/** A run that ends too early says so, or has what was asked for all the same. */
async function unsaid(trial: Trial): Promise<string[]> {
  const { settings, plan, on } = trial;
  const endEarly = async (trainer: Trainer): Promise<string[]> => {
    await stepTimes(trainer, plan, 1, 1e-2);
    try {
      return missedSparsity(trial, trainer.finish(await trainer.tensors()));
    } catch (error) {
      if (error instanceof RunError && error.code === "method/unreached") return [];
      throw error;
    }
  };
  return withTrainer(settings(), endEarly, { on });
}

async function unrepeatable({ settings, plan, whole, on }: Trial): Promise<string[]> {
  const first = await whole();
  const again = await runPlan(settings(1), plan, on);
  const other = await runPlan(settings(2), plan, on);
  return [
    ...(isDeepStrictEqual(again, first) ? [] : ["seed 1: expected the same bytes twice, got others"]),
    ...(isDeepStrictEqual(other.state.buffers.get("w"), first.state.buffers.get("w"))
      ? ["seed 2: expected other bytes than seed 1, got the same"]
      : []),
  ];
}

async function unresumable({ settings, plan, whole, on }: Trial): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "espalier-contract-"));
  try {
    const pieces = await runInPieces(settings(), plan, folder, on);
    const steps = pieces.events.filter(({ kind }) => kind === "step").length;
    if (steps !== STEPS) return [`steps: expected ${STEPS}, got ${steps}`];
    return isDeepStrictEqual(pieces, await whole())
      ? []
      : ["run: expected the bytes of one that never stopped, got others"];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every one, in the order a broken method is best mended in. */
export const OBLIGATIONS: readonly Obligation[] = [
  { holds: "gradients reach every trained tensor, key biases apart", problems: unreached },
  { holds: "what is trained moves, and nothing else does", problems: misplacedMoves },
  { holds: "finish() gives a network that answers as the trained graph", problems: unfaithful },
  { holds: "pruned weights are exactly 0, as many as asked", problems: unpruned },
  { holds: "a run that ends too early says what it has not reached", problems: unsaid },
  { holds: "the same seed gives the same bytes, another seed others", problems: unrepeatable },
  { holds: "stopped anywhere and resumed, the same bytes", problems: unresumable },
];
