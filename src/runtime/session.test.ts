/** What a session sends to its threads. */

import { Worker } from "node:worker_threads";
import { expect, test, vi } from "vitest";
import { letterClassifier } from "../../test/support/classifiers.ts";
import { encodeEsp } from "../sparse/esp/model.ts";
import { openFile } from "./session.ts";

test("of a file that is part of something larger, its own bytes alone are sent", async () => {
  const bytes = await encodeEsp(letterClassifier(0.05));
  const archive = new Uint8Array(bytes.length + 1e6);
  archive.set(bytes, 1000);
  const sent: number[] = [];
  const post = Worker.prototype.postMessage;
  const spy = vi.spyOn(Worker.prototype, "postMessage").mockImplementation(function (this: Worker, ...given) {
    const { file } = given[0];
    if (file instanceof Uint8Array) sent.push(file.buffer.byteLength);
    post.apply(this, given);
  });
  try {
    const file = await openFile(archive.subarray(1000, 1000 + bytes.length), { where: "m.esp" });
    expect(file.opened.head).toEqual({ kind: "classification", labels: ["no", "yes"] });
    await file.close();
  } finally {
    spy.mockRestore();
  }
  expect(sent).toEqual([bytes.length]);
  expect(archive.subarray(1000, 1000 + bytes.length)).toEqual(bytes);
});
