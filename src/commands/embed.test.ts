import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { openTextModel } from "../runs/text-model.ts";
import { embed, embedLines } from "./embed.ts";

const POOLING = { mode: "max", normalize: false } as const;

test("vectors are those of the loaded model, of pairs too", async () => {
  const network = tinyModel({ kind: "none", pooling: POOLING });
  const result = await embed({
    model: await written(network),
    texts: ["a good film", ["good", "the plot"]],
    threads: 1,
  });
  expect(result).toMatchObject({ length: 24, pooling: POOLING, dimensions: 16 });
  const model = await openTextModel(network);
  const vectors = await model.embed(["a good film", ["good", "the plot"]]);
  await model.close();
  expect(result.vectors).toEqual(vectors.map((vector) => [...vector]));
  const typed = { model: await written(network), texts: ["good\tthe plot"], threads: 1 };
  const [[line], [whole]] = [(await embedLines(typed)).vectors, (await embed(typed)).vectors];
  expect(line).toEqual(result.vectors[1]);
  expect(whole).not.toEqual(line);
});

test.each([
  [{ kind: "classification", labels: ["a", "b"] } as const, "got one for classification"],
  [{ kind: "mlm" } as const, "got a masked language model"],
  [{ kind: "none", pooling: null } as const, "whose way to make vectors is not read here"],
])("a model that gives no vectors is refused by name: %o", async (head, got) => {
  const model = await written(tinyModel(head));
  await expect(embed({ model, texts: ["a"], threads: 1 })).rejects.toMatchObject({
    code: "model/head",
    message: expect.stringContaining(got),
  });
});

test("more than one tab, no text and no model are refused", async () => {
  const model = await written(tinyModel({ kind: "none" }));
  await expect(embedLines({ model, texts: ["a\tb\tc"] })).rejects.toMatchObject({ code: "embed/tabs" });
  await expect(embed({ model, texts: [] })).rejects.toMatchObject({ name: "ConfigError" });
  await expect(embed({ model: await newFolder(), texts: ["a"] })).rejects.toMatchObject({
    name: "InputError",
  });
});
