/**
 * The dense path, in Node: the same model in ONNX Runtime, for models with too few zeros to gain from sparse kernels.
 *
 * Only this file of the runtime knows ONNX Runtime; it is imported when a model may need it, and never in a browser.
 */

import { closedModel } from "../base/errors.ts";
import { unlabelled } from "../data/batches.ts";
import { Engine } from "../engine/engine.ts";
import { answersInOrder, openAnswers } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import type { Path } from "./host.ts";

/** The most texts of one batch, as in `load` of the program. */
const BATCH = 32;

/**
 * Opens a network in ONNX Runtime; it owns a thread: close it.
 * @param take  gives the network; not called where ONNX Runtime cannot be loaded
 */
export async function openDense(take: () => Promise<Network>, threads: number): Promise<Path> {
  const engine = new Engine({ threads });
  let isClosed = false;
  try {
    await engine.ready();
    const network = await take();
    const { padTokenId } = network.config;
    const inference = await openAnswers(engine, network);
    return {
      logits: (texts) =>
        answersInOrder(inference, network.head, unlabelled(texts, padTokenId), BATCH).catch(
          (error: unknown) => {
            throw isClosed ? closedModel("runtime/closed") : error;
          },
        ),
      close: () => {
        isClosed = true;
        return engine.close();
      },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}
