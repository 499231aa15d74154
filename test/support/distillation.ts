/** Losses and logits of small students and their teachers, without dropout: what tests of distillation share. */

import { fold, keyOf } from "../../src/base/random.ts";
import { type BoundMethod, bind } from "../../src/contract/method.ts";
import { FINETUNE } from "../../src/methods/finetune.ts";
import type { Network } from "../../src/network/network.ts";
import type { TrainBatch } from "../../src/train/feeds.ts";
import { settingsOf, smallNetwork, withTrainer } from "./training.ts";

/** Facts of a run of 10 steps with a teacher of its own weights. */
export function factsWith(finetuned: Network) {
  return { steps: 10, learningRate: 1e-3, key: fold(keyOf(3), "method"), finetuned };
}

/** Logits of a batch, row by row. */
export function plainLogits(network: Network, batch: TrainBatch): Promise<Float32Array> {
  const plain = bind(FINETUNE, network, {}, { steps: 1, key: keyOf(0) });
  return withTrainer(settingsOf(plain, undefined), (trainer) => trainer.logits(batch));
}

/** The task's loss of a network on a batch. */
export function taskLoss(network: Network, batch: TrainBatch): Promise<number> {
  const plain = bind(FINETUNE, network, {}, { steps: 1, key: keyOf(0) });
  return withTrainer(settingsOf(plain, undefined), (trainer) => trainer.loss(batch));
}

/** The method's own loss of the steps of a run at rate 0, in which no weight moves. */
export function lossesOf(
  method: BoundMethod,
  steps: readonly (readonly TrainBatch[])[],
): Promise<readonly number[]> {
  return withTrainer(settingsOf(method, undefined), async (trainer) => {
    const losses: number[] = [];
    for (const parts of steps) losses.push((await trainer.step(parts, 0)).loss);
    return losses;
  });
}

/** A network without dropout, so that training computes what evaluation does. */
export function still(head: Network["head"], layers: number, seed?: number): Network {
  return smallNetwork(head, layers, 0, seed);
}

/** T²·KL(softmax(teacher/T) ‖ softmax(student/T)), the mean over rows of `classes`. */
export function divergence(
  student: Float32Array,
  teacher: Float32Array,
  classes: number,
  temperature: number,
): number {
  const rows = student.length / classes;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const [q, p] = [student, teacher].map((logits) =>
      softmax([...logits.subarray(row * classes, (row + 1) * classes)].map((z) => z / temperature)),
    );
    for (let c = 0; c < classes; c++) {
      const [pc, qc] = [p?.[c] ?? Number.NaN, q?.[c] ?? Number.NaN];
      sum += pc * Math.log(pc / qc);
    }
  }
  return (temperature ** 2 * sum) / rows;
}

function softmax(z: readonly number[]): number[] {
  const top = Math.max(...z);
  const e = z.map((x) => Math.exp(x - top));
  const total = e.reduce((a, b) => a + b);
  return e.map((x) => x / total);
}
