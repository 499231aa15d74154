/** What a page's policies do to threads, without a page. In one: test/peers/browser.test.ts. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";

const url = { createScriptURL: (address: string) => ({ trusted: address }) };

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal("ESPALIER_THREAD", "");
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** The addresses that workers are started from. */
function stubWorkers(refuse?: Error): unknown[] {
  const started: unknown[] = [];
  vi.stubGlobal(
    "Worker",
    class {
      constructor(address: unknown) {
        if (refuse) throw refuse;
        started.push(address);
      }
      addEventListener(): void {}
    },
  );
  return started;
}

test("where there are Trusted Types threads are started from an address of such a type, by one policy", async () => {
  const started = stubWorkers();
  const createPolicy = vi.fn(() => url);
  vi.stubGlobal("trustedTypes", { createPolicy });
  const { host } = await import("./browser.ts");
  host.startThread();
  host.startThread();
  expect(started).toEqual(Array(2).fill({ trusted: expect.stringMatching(/^blob:/) }));
  expect(createPolicy).toHaveBeenCalledOnce();
  expect(createPolicy).toHaveBeenCalledWith("espalier-runtime", expect.anything());
});

test("elsewhere they are started from the address itself", async () => {
  const started = stubWorkers();
  const { host } = await import("./browser.ts");
  host.startThread();
  expect(started).toEqual([expect.stringMatching(/^blob:/)]);
});

test("a worker that the page's policy refuses is an error that says what has to be allowed", async () => {
  stubWorkers(new TypeError("This document requires 'TrustedScriptURL' assignment."));
  const { host } = await import("./browser.ts");
  expect(() => host.startThread()).toThrow(
    expect.objectContaining({
      code: "runtime/threads",
      message: expect.stringMatching(/worker-src blob:.*TrustedScriptURL/),
    }),
  );
});
