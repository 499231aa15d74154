import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readFolder } from "../network/folder.ts";
import { countParameters } from "../network/network.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import { EMBEDDED_NAME, embeddedModel } from "./embedded.ts";

test("the embedded model has four layers, two to three million parameters, less than 6 MB", async () => {
  const path = embeddedModel();
  const network = await readFolder(path);
  expect(network.head.kind).toBe("mlm");
  expect(network.config.layers).toHaveLength(4);
  expect(network.config).toMatchObject({ maxPositions: 128, hiddenDropout: 0.1, attentionDropout: 0.1 });
  const { total } = countParameters(network);
  expect(total).toBeGreaterThan(2e6);
  expect(total).toBeLessThan(3e6);
  const files = ["model.safetensors", "vocab.txt", "tokenizer.json", "README.md"];
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(path, name))).size));
  expect(sizes.reduce((a, b) => a + b)).toBeLessThan(6e6);
});

test("its tokenizer reads English without unknown pieces", async () => {
  const { vocabulary } = await readFolder(embeddedModel());
  const { pieces, special, decode } = createTokenizer(vocabulary);
  const text = "an unforgettable film, and the acting is superb";
  expect(pieces(text)).not.toContain(special.unk);
  expect(decode(pieces(text))).toBe(text);
});

test("a package without its assets is embedded/missing", () => {
  expect(() => embeddedModel(join(tmpdir(), "none"))).toThrow(
    expect.objectContaining({
      code: "embedded/missing",
      message: expect.stringContaining(EMBEDDED_NAME),
    }),
  );
});
