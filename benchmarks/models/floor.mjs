/**
 * What a task gives without a Transformer: the floors that `finetune` and `compress` measure, alone.
 *
 *   npm run build && node benchmarks/models/floor.mjs --data GLUE [--tasks sst2,mrpc,cola,rte,stsb] [--floor tf-idf,static]
 *       [--model FOLDER] [--out DIR] [--threads 2]
 *
 * `static` needs `--model`, the encoder that vectors are distilled from. Seconds are of the processor, in all threads. The same
 * by scikit-learn: floor.py.
 */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { glueTask, readGlue } from "../../dist/data/glue.js";
import { measureFloors } from "../../dist/floor/measure.js";
import { loadModel } from "../../dist/runs/models.js";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    tasks: { type: "string", default: "sst2,mrpc,cola,rte,stsb" },
    floor: { type: "string", default: "tf-idf" },
    model: { type: "string", default: "embedded" },
    out: { type: "string" },
    threads: { type: "string", default: "1" },
  },
});
if (!values.data) throw new TypeError("floor: expected --data GLUE");
const { network } = await loadModel(values.model);
const root = values.out ?? (await mkdtemp(join(tmpdir(), "floor-")));
/** @type {("tf-idf" | "static")[]} */
const kinds = values.floor.split(",").map((kind) => (kind === "static" ? kind : "tf-idf"));

for (const name of values.tasks.split(",").map(glueTask)) {
  const [train, dev] = [await readGlue(name, values.data, "train"), await readGlue(name, values.data, "dev")];
  for (const kind of kinds) {
    const start = process.cpuUsage().user;
    const [floor] = await measureFloors(
      { train, dev, measure: dev.measure },
      {
        floor: [kind],
        folder: join(root, name),
        from: { network, threads: Number(values.threads), device: "cpu" },
        settling: {},
        tell: () => {},
      },
    );
    const seconds = (process.cpuUsage().user - start) / 1e6;
    const { metrics, bytes, parameters } = floor;
    console.log(JSON.stringify({ task: name, floor: kind, ...metrics, bytes, numbers: parameters, seconds }));
  }
}
