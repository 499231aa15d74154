/** A hub of one's own on 127.0.0.1 that has one data set: its files by revision, and what was asked of it. */

import { createHash } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";

/** Paths and contents of a revision. */
export type HubFiles = Readonly<Record<string, Buffer>>;

export interface DataHub {
  readonly url: string;
  /** Paths of the requests so far. */
  readonly asked: string[];
  close(): void;
}

const CONVERTED = "refs/convert/parquet";

/** The commit that a revision of the pretended hub is. */
export function commitOf(revision: string): string {
  return createHash("sha1").update(revision).digest("hex");
}

function entryOf([path, content]: [string, Buffer]): object {
  const oid = createHash("sha256").update(content).digest("hex");
  return {
    type: "file",
    path,
    size: content.length,
    oid: commitOf(path),
    lfs: { oid, size: content.length },
  };
}

function answerJson(response: ServerResponse, value: unknown): void {
  response.writeHead(value === undefined ? 404 : 200, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value ?? { error: "not found" }));
}

/** @param converted  what the hub has made of the data set; undefined: nothing */
export async function dataHub(repo: string, main: HubFiles, converted?: HubFiles): Promise<DataHub> {
  const revisions = new Map([["main", main], ...(converted ? [[CONVERTED, converted] as const] : [])]);
  const byCommit = new Map([...revisions].map(([revision, files]) => [commitOf(revision), files]));
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "", "http://x").pathname);
    asked.push(path);
    const at = (prefix: string): string | undefined =>
      path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
    const revision = at(`/api/datasets/${repo}/revision/`);
    const tree = at(`/api/datasets/${repo}/tree/`);
    const [commit = "", ...rest] = (at(`/datasets/${repo}/resolve/`) ?? "").split("/");
    const content = byCommit.get(commit)?.[rest.join("/")];
    if (content !== undefined) response.writeHead(200, { "Content-Length": content.length }).end(content);
    else if (revision !== undefined)
      answerJson(response, revisions.has(revision) ? { id: repo, sha: commitOf(revision) } : undefined);
    else answerJson(response, tree && Object.entries(byCommit.get(tree) ?? {}).map(entryOf));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
