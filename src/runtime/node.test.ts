/** What the runtime's threads do to a process of Node: it ends when nothing is pending, and not before. */

import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { letterClassifier } from "../../test/support/classifiers.ts";
import { newFolder } from "../../test/support/tiny-model.ts";
import { builtUrl } from "../base/built-url.ts";
import { encodeEsp } from "../sparse/esp/model.ts";

let path: string;

beforeAll(async () => {
  path = join(await newFolder(), "model.esp");
  await writeFile(path, await encodeEsp(letterClassifier(0.05), { values: "float32" }));
});

/** What a process prints that runs so much with `load` and `path`. @throws when it fails, or has not ended in 20 s */
async function printed(program: string): Promise<string> {
  const { href } = builtUrl("./load.js", import.meta.url);
  const text = `import { load } from ${JSON.stringify(href)}; const path = ${JSON.stringify(path)}; ${program}`;
  const flags = ["--input-type=module", "--eval", text];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { timeout: 20_000 });
  return stdout.trim();
}

test.each([1, 3])(
  "a model of %i threads that nobody closes does not keep a process alive",
  async (threads) => {
    const program = `
    const model = await load(path, { threads: ${threads}, path: "sparse" });
    console.log((await model.classify(["a film"])).length);`;
    expect(await printed(program)).toBe("1");
  },
);

test("a load or a call that is pending keeps it alive until it is answered", async () => {
  const program = `
    load(path, { threads: 2, path: "sparse" }).then((model) => {
      model.classify(Array(3000).fill("a b c")).then((all) => console.log(all.length));
      model.classify(["a"]).then((all) => console.log(all.length));
    });`;
  expect(await printed(program)).toBe("3000\n1");
});

test("closing settles, also twice, with nothing else to wait for", async () => {
  const program = `
    const model = await load(path, { threads: 2, path: "sparse" });
    const lost = model.classify(Array(3000).fill("a")).catch(({ code }) => console.log(code));
    await Promise.all([model.close(), model.close(), lost]);
    await model[Symbol.asyncDispose]();
    console.log("closed");`;
  expect(await printed(program)).toBe("runtime/closed\nclosed");
});

test("what onProgress throws while a file is unpacked is caught by whoever awaits the load", async () => {
  const program = `
    const onProgress = ({ stage }) => { if (stage === "unpack") throw new TypeError("mine"); };
    await load(path, { onProgress }).catch((error) => console.log(String(error)));`;
  expect(await printed(program)).toBe("TypeError: mine");
});

test("of loads at once one thread compiles and measures kernels, the others take what it found", async () => {
  const program = `
    const models = await Promise.all([1, 1, 1].map((threads) => load(path, { threads, path: "sparse" })));
    console.log(new Set(models.map(({ report }) => JSON.stringify(report.rates))).size);
    await Promise.all(models.map((model) => model.close()));`;
  expect(await printed(program)).toBe("1");
});

test("a load that is stopped while kernels are compiled leaves the turn to the next", async () => {
  const program = `
    const stop = new AbortController();
    const onProgress = ({ stage }) => { if (stage === "place") setTimeout(() => stop.abort(), 5); };
    const first = load(path, { path: "sparse", signal: stop.signal, onProgress }).catch(({ code }) => console.log(code));
    const second = load(path, { path: "sparse" });
    await first;
    const model = await second;
    console.log((await model.classify(["a film"])).length);
    await model.close();`;
  expect(await printed(program)).toBe("runtime/stopped\n1");
});
