import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { madeRun, maskedModel } from "../../test/support/run-folder.ts";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { report } from "../commands/report.ts";
import { cardText, isOwnCard } from "./card.ts";
import { readRuns } from "./source.ts";
import { cardPath, cardSource } from "./write.ts";

async function cardOf(run: string): Promise<string> {
  const [source] = await readRuns([run]);
  if (source === undefined) throw new Error("expected a run");
  return cardText(cardSource(source));
}

/** The lines between the rules, without indentation. */
function frontMatter(card: string): string[] {
  return (card.split("---\n")[1] ?? "")
    .trimEnd()
    .split("\n")
    .map((line) => line.trim());
}

test("the front matter names base model, task, metrics and tags as the hub knows them", async () => {
  const settings = { model: "hf:google-bert/bert-base-uncased@main", task: "sst2" };
  const lines = frontMatter(
    await cardOf(await madeRun({ task: "sst2", settings, network: maskedModel(0.4) })),
  );
  for (const line of [
    "library_name: transformers",
    "pipeline_tag: text-classification",
    'base_model: "google-bert/bert-base-uncased"',
    '- "magnitude"',
    "- nyu-mll/glue",
    "- accuracy",
    "config: sst2",
    "- type: accuracy",
    "value: 0.75",
  ])
    expect(lines).toContain(line);
});

test("a data set of the hub is named as it is there", async () => {
  const lines = frontMatter(await cardOf(await madeRun({ settings: { data: "hf:owner/set/en@main" } })));
  for (const line of ["- owner/set", 'name: "owner/set/en@main"', "type: owner/set"])
    expect(lines).toContain(line);
});

test("a model that stock transformers cannot read is not said to be one of its library", async () => {
  const { config, ...rest } = tinyModel();
  const layers = config.layers.map((layer, i) => ({ ...layer, ffn: layer.ffn - i }));
  const { network } = { network: tinyModel(undefined, { ...config, layers }) };
  const card = await cardOf(await madeRun({ network: { ...rest, ...network } }));
  expect(frontMatter(card)).toContain("library_name: espalier");
  expect(card).toContain("Stock `transformers` does not read this folder");
});

test("a card says what kind of labels there are, and how a pipeline is asked for them", async () => {
  const tokens = await cardOf(
    await madeRun({ network: tinyModel({ kind: "tokens", labels: ["O", "B-X"] }) }),
  );
  expect(frontMatter(tokens)).toContain("pipeline_tag: token-classification");
  expect(tokens).toContain("It answers with one, for each token, of 2 labels: `O`, `B-X`.");
  expect(tokens).toContain('pipeline("token-classification", model="');
  expect(tokens).toContain('aggregation_strategy="first")("a text"))');
  const several = await cardOf(
    await madeRun({ network: tinyModel({ kind: "multi-label", labels: ["a", "b"] }) }),
  );
  expect(several).toContain("It answers with any number of 2 labels: `a`, `b`.");
  expect(several).toContain('("a text", top_k=None))');
});

test("no path of this machine is in a card, and what data says stays text", async () => {
  const settings = {
    model: "/home/me/models/mine",
    data: "/home/me/data/re`views`.csv",
    out: "/home/me/runs/x",
  };
  const card = await cardOf(await madeRun({ settings, name: 'na"me: x' }));
  expect(card).not.toMatch(/\/home\/me|\/tmp\//);
  expect(frontMatter(card)).toContain('- name: "na\\"me: x"');
  expect(card).toContain("`re'views'.csv`");
  expect(frontMatter(card).some((line) => line.startsWith("base_model"))).toBe(false);
});

test("a card is ours until one letter of it is changed", async () => {
  const card = await cardOf(await madeRun());
  expect(isOwnCard(card)).toBe(true);
  for (const other of [card.replace("judged", "Judged"), `${card}more\n`, card.slice(1), "# My model\n", ""])
    expect(isOwnCard(other)).toBe(false);
});

test("--card writes it, again as often as asked, and never over another text unless forced", async () => {
  const run = await madeRun();
  const [path, asked] = [cardPath(run), { runs: [run], card: true }];
  expect((await report(asked)).path).toBe(path);
  await report(asked);
  expect(await readFile(path, "utf8")).toBe(await cardOf(run));
  await writeFile(path, "# My own words\n");
  await expect(report(asked)).rejects.toThrow(expect.objectContaining({ code: "report/foreign-file" }));
  expect(await readFile(path, "utf8")).toBe("# My own words\n");
  await report({ ...asked, force: true });
  expect(isOwnCard(await readFile(path, "utf8"))).toBe(true);
  const page = { runs: [run], out: join(run, "notes.html") };
  await writeFile(page.out, "<p>mine</p>");
  await expect(report(page)).rejects.toThrow(expect.objectContaining({ code: "report/foreign-file" }));
});

test("of a run that has not ended there is no card", async () => {
  const run = await madeRun({ without: ["result"] });
  await expect(report({ runs: [run], card: true })).rejects.toThrow(
    expect.objectContaining({ code: "report/unfinished" }),
  );
});
