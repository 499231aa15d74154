import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { InputError, InterruptedError, RunError } from "../base/errors.ts";
import { fetchModel } from "./model.ts";
import { isHubName, parseHubName } from "./name.ts";
import type { HubOptions, HubProgress } from "./repository.ts";

// A hub of its own on 127.0.0.1 with the three addresses that are used: model info, tree, resolve.

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const LATER = "89abcdef0123456789abcdef0123456789abcdef";

/** What the pretended hub holds and how it misbehaves; made anew for each test. */
interface World {
  commit: string;
  files: Map<string, Buffer>;
  /** Called before a file is answered; true: it has answered. */
  fault: (request: IncomingMessage, response: ServerResponse, content: Buffer) => boolean;
  tree: ((entries: object[]) => unknown) | undefined;
  requests: { url: string; range: string | undefined; token: string | undefined }[];
}
let world: World;
let hubUrl = "";
const server = createServer((request, response) => answer(request, response));

const WEIGHTS = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * i) % 251));

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  hubUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  world = {
    commit: COMMIT,
    files: new Map([
      ["README.md", Buffer.from("not needed")],
      ["config.json", Buffer.from('{"model_type": "bert"}')],
      ["model.safetensors", WEIGHTS],
      ["vocab.txt", Buffer.from("[PAD]\n")],
      ["special_tokens_map.json", Buffer.alloc(0)],
      ["added_tokens.json", Buffer.from("{}")],
    ]),
    fault: () => false,
    tree: undefined,
    requests: [],
  };
});

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

function treeEntry([path, content]: [string, Buffer]): object {
  const oid = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
  const lfs = path.endsWith(".safetensors")
    ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 130 } }
    : {};
  return { type: "file", path, size: content.length, oid, ...lfs };
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}

function sendFile(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const head = { "Content-Length": content.length - from };
  if (from === 0) response.writeHead(200, head);
  else
    response.writeHead(206, {
      ...head,
      "Content-Range": `bytes ${from}-${content.length - 1}/${content.length}`,
    });
  response.end(content.subarray(from));
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? "", "http://x");
  world.requests.push({ url: pathname, range: request.headers.range, token: request.headers.authorization });
  if (!pathname.includes("/owner/name/")) json(response, { error: "Repository not found" }, 404);
  else if (pathname.includes("/revision/")) {
    const known = /\/revision\/(HEAD|main|refs%2Fpr%2F1)$/.test(pathname);
    json(
      response,
      known ? { _id: "1", id: "owner/name", sha: world.commit } : { error: "no" },
      known ? 200 : 404,
    );
  } else if (pathname.includes("/tree/")) {
    const entries = [
      { type: "directory", path: "onnx", oid: "", size: 0 },
      ...[...world.files].map(treeEntry),
    ];
    json(response, world.tree?.(entries) ?? entries);
  } else {
    const path = pathname.split(`/resolve/${world.commit}/`).at(-1) ?? "";
    const content = world.files.get(path.split("/").map(decodeURIComponent).join("/"));
    if (content === undefined) response.writeHead(404).end();
    else if (!world.fault(request, response, content)) sendFile(request, response, content);
  }
}

/** Sends the head of the whole answer and only some of its bytes, then breaks the connection. */
function cut(request: IncomingMessage, response: ServerResponse, content: Buffer, bytes: number): void {
  const from = Number(/\d+/.exec(request.headers.range ?? "")?.[0] ?? 0);
  response.writeHead(from > 0 ? 206 : 200, {
    "Content-Length": content.length - from,
    "Content-Range": `bytes ${from}-${content.length - 1}/${content.length}`,
  });
  response.write(content.subarray(from, from + bytes), () => setTimeout(() => response.destroy(), 20));
}

function isWeights(request: IncomingMessage): boolean {
  return request.url?.endsWith("model.safetensors") ?? false;
}

async function settings(more: HubOptions = {}): Promise<HubOptions & { cache: string }> {
  const cache = await mkdtemp(join(tmpdir(), "espalier-hub-"));
  return { cache, hubUrl, pause: 1, token: "", ...more };
}

const ranges = () => world.requests.filter((r) => r.url.endsWith("model.safetensors")).map((r) => r.range);

test("a model arrives in full, without the files that make no model folder", async () => {
  const progress: HubProgress[] = [];
  const options = await settings({ onProgress: (p) => progress.push(p) });
  const folder = await fetchModel("hf:owner/name", options);
  expect(folder).toBe(join(options.cache, "owner--name", COMMIT));
  expect((await readdir(folder)).sort()).toEqual([
    ".complete.json",
    "added_tokens.json",
    "config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "vocab.txt",
  ]);
  expect(await readFile(join(folder, "model.safetensors"))).toEqual(WEIGHTS);
  expect(progress).toContainEqual({ file: "model.safetensors", bytes: 50_000, size: 50_000 });
  expect(await readdir(join(options.cache, "owner--name", "partial"))).toEqual([]);
});

test("of two that want a model at once one fetches it and the other waits", async () => {
  const options = await settings();
  const [one, other] = await Promise.all([
    fetchModel("hf:owner/name", options),
    fetchModel("hf:owner/name", options),
  ]);
  expect(other).toBe(one);
  expect(ranges()).toHaveLength(1);
  expect(await readFile(join(one, "model.safetensors"))).toEqual(WEIGHTS);
  expect(await readdir(join(options.cache, "owner--name", "partial"))).toEqual([]);
});

test("a sentence encoder comes with the files of its modules, and with no other folder's", async () => {
  world.files.set("modules.json", Buffer.from("[]"));
  world.files.set("1_Pooling/config.json", Buffer.from('{"pooling_mode": "cls"}'));
  world.files.set("onnx/config.json", Buffer.from("{}"));
  const folder = await fetchModel("hf:owner/name", await settings());
  expect(await readFile(join(folder, "1_Pooling", "config.json"), "utf8")).toBe('{"pooling_mode": "cls"}');
  expect(await readdir(folder)).toEqual(expect.arrayContaining(["1_Pooling", "modules.json"]));
  expect(await readdir(folder)).not.toContain("onnx");
});

test("what is here in full is used without a request, by branch and by commit", async () => {
  const options = await settings();
  const folder = await fetchModel("hf:owner/name@main", options);
  world.requests = [];
  expect(await fetchModel("hf:owner/name", options)).toBe(folder);
  expect(await fetchModel(`hf:owner/name@${COMMIT}`, { ...options, offline: true })).toBe(folder);
  expect(world.requests).toEqual([]);
});

test("a branch that moved on is seen only on request, and the old commit stays", async () => {
  const options = await settings();
  const old = await fetchModel("hf:owner/name", options);
  world.commit = LATER;
  expect(await fetchModel("hf:owner/name", options)).toBe(old);
  const fresh = await fetchModel("hf:owner/name", { ...options, refresh: true });
  expect(fresh).toBe(join(options.cache, "owner--name", LATER));
  expect(await fetchModel("hf:owner/name", { ...options, offline: true })).toBe(fresh);
  expect(await fetchModel(`hf:owner/name@${COMMIT}`, { ...options, offline: true })).toBe(old);
});

test("a branch found unmoved, and a second name of the same commit, fetch no file", async () => {
  const options = await settings();
  const folder = await fetchModel("hf:owner/name", options);
  world.requests = [];
  expect(await fetchModel("hf:owner/name", { ...options, refresh: true })).toBe(folder);
  expect(await fetchModel("hf:owner/name@refs/pr/1", options)).toBe(folder);
  expect(world.requests.map((r) => r.url)).toEqual([
    "/api/models/owner/name/revision/main",
    "/api/models/owner/name/revision/refs%2Fpr%2F1",
  ]);
  expect(await fetchModel("hf:owner/name@refs/pr/1", { ...options, offline: true })).toBe(folder);
});

test("a file lost or cut after the download is fetched again", async () => {
  const options = await settings();
  const folder = await fetchModel("hf:owner/name", options);
  await truncate(join(folder, "model.safetensors"), 10);
  await expect(fetchModel("hf:owner/name", { ...options, offline: true })).rejects.toMatchObject({
    code: "hub/offline",
  });
  await fetchModel("hf:owner/name", options);
  expect(await readFile(join(folder, "model.safetensors"))).toEqual(WEIGHTS);
});

test("an interrupted download fails by name, and the next call continues at the byte where it stopped", async () => {
  const options = await settings({ attempts: 1 });
  world.fault = (request, response, content) => {
    if (!isWeights(request)) return false;
    cut(request, response, content, 20_000);
    return true;
  };
  await expect(fetchModel("hf:owner/name", options)).rejects.toThrow(RunError);
  const partial = await readFile(join(options.cache, "owner--name", "partial", sha256(WEIGHTS)));
  expect(partial.length).toBeGreaterThan(0);
  expect(partial.equals(WEIGHTS.subarray(0, partial.length))).toBe(true);
  world.fault = () => false;
  const folder = await fetchModel("hf:owner/name", options);
  expect(await readFile(join(folder, "model.safetensors"))).toEqual(WEIGHTS);
  expect(ranges()).toEqual([undefined, `bytes=${partial.length}-`]);
  expect(world.requests.filter((r) => r.url.endsWith("config.json"))).toHaveLength(1);
});

test("within one call, each try continues the one before", async () => {
  world.fault = (request, response, content) => {
    if (!isWeights(request) || ranges().length > 3) return false;
    cut(request, response, content, 15_000);
    return true;
  };
  const folder = await fetchModel("hf:owner/name", await settings());
  expect(await readFile(join(folder, "model.safetensors"))).toEqual(WEIGHTS);
  expect(ranges()).toHaveLength(4);
  const starts = ranges().map((range) => Number(/\d+/.exec(range ?? "0")?.[0]));
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  expect(starts[3]).toBeGreaterThan(0);
});

test("a server that ignores the range begins anew, and one that answers with another is tried again", async () => {
  const faults = [
    (response: ServerResponse) => response.writeHead(200).end(WEIGHTS),
    (response: ServerResponse) =>
      response.writeHead(206, { "Content-Range": "bytes 5-49999/50000" }).end(WEIGHTS.subarray(5)),
    (response: ServerResponse) => response.writeHead(416).end(),
  ];
  for (const fault of faults) {
    world.requests = [];
    const options = await settings();
    const partial = join(options.cache, "owner--name", "partial", sha256(WEIGHTS));
    world.fault = (request, response) => {
      if (!isWeights(request) || request.headers.range === undefined) return false;
      fault(response);
      return true;
    };
    await fetchModel("hf:owner/name", options);
    await truncate(join(options.cache, "owner--name", COMMIT, "model.safetensors"), 0);
    await writeFile(partial, WEIGHTS.subarray(0, 1234));
    const folder = await fetchModel("hf:owner/name", options);
    expect(await readFile(join(folder, "model.safetensors"))).toEqual(WEIGHTS);
    expect(ranges()).toContain("bytes=1234-");
  }
});

test("a corrupted file is discarded and fetched again; one that stays corrupted is refused by name", async () => {
  const wrong = Buffer.from(WEIGHTS).fill(7, 100, 200);
  let times = 1;
  world.fault = (request, response) => {
    if (!isWeights(request) || times-- <= 0) return false;
    response.writeHead(200).end(wrong);
    return true;
  };
  const options = await settings();
  const folder = await fetchModel("hf:owner/name", options);
  expect(await readFile(join(folder, "model.safetensors"))).toEqual(WEIGHTS);
  times = 1000;
  const again = await settings({ attempts: 2 });
  await expect(fetchModel("hf:owner/name", again)).rejects.toMatchObject({
    code: "hub/checksum",
    message: expect.stringContaining("model.safetensors"),
  });
  expect(await readdir(join(again.cache, "owner--name", "partial"))).toEqual([]);
  await expect(fetchModel("hf:owner/name", { ...again, offline: true })).rejects.toThrow(InputError);
});

test("small files are checked too, by Git's hash; longer ones than announced are refused", async () => {
  world.fault = (request, response) => {
    if (!request.url?.endsWith("vocab.txt")) return false;
    response.writeHead(200).end("[BAD]\n");
    return true;
  };
  const checked = fetchModel("hf:owner/name", await settings({ attempts: 1 }));
  await expect(checked).rejects.toMatchObject({ code: "hub/checksum" });
  world.fault = (request, response) => {
    if (isWeights(request)) response.writeHead(200).end(Buffer.concat([WEIGHTS, WEIGHTS]));
    return isWeights(request);
  };
  const long = fetchModel("hf:owner/name", await settings({ attempts: 1 }));
  await expect(long).rejects.toMatchObject({ code: "hub/size" });
});

test("a server in trouble is asked again, then named", async () => {
  let times = 1;
  world.fault = (request, response) => {
    if (!isWeights(request) || times-- <= 0) return false;
    response.writeHead(503).end();
    return true;
  };
  await fetchModel("hf:owner/name", await settings());
  times = 1000;
  const failed = fetchModel("hf:owner/name", await settings({ attempts: 2 }));
  await expect(failed).rejects.toMatchObject({ code: "hub/server", message: expect.stringContaining("503") });
});

test("stopping on request keeps what has come", async () => {
  const stop = new AbortController();
  world.fault = (request, response, content) => {
    if (isWeights(request))
      response.writeHead(200, { "Content-Length": content.length }).write(content.subarray(0, 9000));
    return isWeights(request);
  };
  const onProgress = ({ file, bytes }: HubProgress) => {
    if (file === "model.safetensors" && bytes > 0) stop.abort();
  };
  const options = await settings({ signal: stop.signal, onProgress });
  const stopped = fetchModel("hf:owner/name", options);
  await expect(stopped).rejects.toThrow(InterruptedError);
  const partial = await readFile(join(options.cache, "owner--name", "partial", sha256(WEIGHTS)));
  expect(partial.length).toBeGreaterThan(0);
});

test("shards that the index names are fetched; one that is not there is named", async () => {
  const shard = "model-00001-of-00002.safetensors";
  const index = { weight_map: { a: shard, b: shard, c: "model-00002-of-00002.safetensors" } };
  world.files.delete("model.safetensors");
  world.files.set("model.safetensors.index.json", Buffer.from(JSON.stringify(index)));
  world.files.set(shard, Buffer.from("one"));
  const missing = fetchModel("hf:owner/name", await settings());
  await expect(missing).rejects.toMatchObject({
    code: "hub/no-shard",
    message: expect.stringContaining("00002-of"),
  });
  world.files.set("model-00002-of-00002.safetensors", Buffer.from("two"));
  const folder = await fetchModel("hf:owner/name", await settings());
  expect(await readFile(join(folder, shard), "utf8")).toBe("one");
  expect((await readdir(folder)).filter((name) => name.endsWith(".safetensors"))).toHaveLength(2);
});

test("pickled weights are fetched where there are no others, in shards too", async () => {
  const weights = (folder: string) =>
    readdir(folder).then((names) => names.filter((name) => /safetensors|\.bin/.test(name)).sort());
  const shard = "pytorch_model-00001-of-00001.bin";
  world.files.set("pytorch_model.bin.index.json", Buffer.from(JSON.stringify({ weight_map: { a: shard } })));
  world.files.set(shard, Buffer.from("one"));
  expect(await weights(await fetchModel("hf:owner/name", await settings()))).toEqual(["model.safetensors"]);
  world.files.delete("model.safetensors");
  const folder = await fetchModel("hf:owner/name", await settings());
  expect(await weights(folder)).toEqual([shard, "pytorch_model.bin.index.json"]);
  world.files.set("pytorch_model.bin", Buffer.from("whole"));
  expect(await weights(await fetchModel("hf:owner/name", await settings()))).toEqual(["pytorch_model.bin"]);
});

test("the token goes to the hub; one of another form is refused before anything is sent", async () => {
  await fetchModel("hf:owner/name", await settings({ token: "hf_secret" }));
  expect(world.requests.every((r) => r.token === "Bearer hf_secret")).toBe(true);
  world.requests = [];
  const refused = fetchModel("hf:owner/name", await settings({ token: "secret" }));
  await expect(refused).rejects.toMatchObject({
    code: "hub/token",
    message: expect.not.stringContaining("secret"),
  });
  expect(world.requests).toEqual([]);
});

const REFUSED: readonly [string, string, string, (w: World) => void][] = [
  ["hub/not-found", "hf:owner/other", "owner/other", () => {}],
  ["hub/not-found", "hf:owner/name@v9", "owner/name", () => {}],
  ["hub/no-model", "hf:owner/name", "config.json", (w) => w.files.delete("config.json")],
  ["hub/no-weights", "hf:owner/name", "no weights", (w) => w.files.delete("model.safetensors")],
  [
    "hub/no-weights",
    "hf:owner/name",
    "tf_model.h5",
    (w) => {
      w.files.delete("model.safetensors");
      w.files.set("tf_model.h5", Buffer.from("x"));
    },
  ],
  [
    "hub/no-tokenizer",
    "hf:owner/name",
    'got spm.model (AutoTokenizer.from_pretrained("owner/name")',
    (w) => {
      w.files.delete("vocab.txt");
      w.files.set("spm.model", Buffer.from("x"));
    },
  ],
  [
    "hub/no-tokenizer",
    "hf:owner/name",
    "got neither",
    (w) => {
      w.files.delete("vocab.txt");
      w.files.set("vocab.json", Buffer.from("{}"));
    },
  ],
  ["hub/answer", "hf:owner/name", "commit", (w) => Object.assign(w, { commit: "../../etc" })],
  [
    "hub/answer",
    "hf:owner/name",
    "digest",
    (w) => Object.assign(w, { tree: () => [{ type: "file", path: "config.json", size: 3, oid: "../x" }] }),
  ],
  [
    "hub/answer",
    "hf:owner/name",
    "size",
    (w) => Object.assign(w, { tree: () => [{ type: "file", path: "config.json", size: -1, oid: COMMIT }] }),
  ],
  ["hub/answer", "hf:owner/name", "form", (w) => Object.assign(w, { tree: () => [null] })],
  ["hub/denied", "hf:owner/name", "HF_TOKEN", (w) => Object.assign(w, { fault: deny })],
];

function deny(_: IncomingMessage, response: ServerResponse): boolean {
  response.writeHead(403).end();
  return true;
}

test.each(REFUSED)("%s for %s: %s", async (code, name, part, change) => {
  change(world);
  const fetched = fetchModel(name, await settings({ attempts: 2 }));
  await expect(fetched).rejects.toMatchObject({ code, message: expect.stringContaining(part) });
});

test("a model without a tokenizer is refused before a file of it is fetched", async () => {
  world.files.delete("vocab.txt");
  world.files.set("sentencepiece.bpe.model", Buffer.from("x"));
  await expect(fetchModel("hf:owner/name", await settings())).rejects.toMatchObject({
    code: "hub/no-tokenizer",
  });
  expect(world.requests.filter(({ url }) => url.includes("/resolve/"))).toEqual([]);
  world.files.delete("sentencepiece.bpe.model");
  world.files.set("vocab.json", Buffer.from("{}")).set("merges.txt", Buffer.from("#version: 0.2"));
  const folder = await fetchModel("hf:owner/name", await settings());
  expect(await readdir(folder)).toEqual(expect.arrayContaining(["merges.txt", "vocab.json"]));
});

test("no connection is named, and a missing copy offline", async () => {
  const closed = fetchModel("hf:owner/name", await settings({ hubUrl: "http://127.0.0.1:9", attempts: 1 }));
  await expect(closed).rejects.toMatchObject({ code: "hub/network" });
  const offline = fetchModel("hf:owner/name", await settings({ offline: true }));
  await expect(offline).rejects.toMatchObject({ code: "hub/offline" });
  expect(world.requests).toEqual([]);
});

test.each([
  ["hf:owner/name", "owner/name", "main"],
  ["hf:bert-base-uncased@refs/pr/1", "bert-base-uncased", "refs/pr/1"],
  ["hf:a/b.c_d-e@v1.0", "a/b.c_d-e", "v1.0"],
])("%s is a name", (text, repo, revision) => {
  expect(parseHubName(text)).toEqual({ repo, revision });
});

test.each([
  "owner/name",
  "hf:",
  "hf:/",
  "hf:owner/",
  "hf:/name",
  "hf:a/b/c",
  "hf:../x",
  "hf:a/..",
  "hf:a--b/c",
  "hf:a/b@",
  "hf:a/b@../x",
  "hf:a/b@x..y",
  "hf:a/b@c@d",
  "hf:a/b c",
  "hf:a/b?x",
  "hf:a/b@/x",
  "hf:a/.b",
  "hf:a/b@x//y",
  "hf:a\\b",
])("%s is no name", (text) => {
  expect(() => parseHubName(text)).toThrow(expect.objectContaining({ code: "hub/name" }));
  expect(isHubName(text)).toBe(text.startsWith("hf:"));
});
