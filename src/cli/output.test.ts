import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** Built before the tests by vitest's global setup. */
const OUTPUT = fileURLToPath(new URL("../../dist/cli/output.js", import.meta.url));

/** A process that writes there again and again, and ends with 7 when it has done so twenty times. */
function writing(to: "stdout" | "stderr") {
  const work = `let n = 0; setInterval(() => { process.${to}.write("x\\n"); if (++n === 20) process.exit(7); }, 10);`;
  const code = `await import(${JSON.stringify(OUTPUT)}); ${work}`;
  return spawn(process.execPath, ["--input-type=module", "-e", code]);
}

test("work goes on when nobody hears its progress any more", async () => {
  const child = writing("stderr");
  child.stderr.destroy();
  expect(await once(child, "exit")).toEqual([7, null]);
});

test("when nobody reads the answer any more there is nothing left to do", async () => {
  const child = writing("stdout");
  child.stdout.destroy();
  expect(await once(child, "exit")).toEqual([0, null]);
});
