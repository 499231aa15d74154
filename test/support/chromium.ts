/** A real browser for tests: Debian's Chromium without a window, driven by playwright-core; absent where it is not installed. */

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Where a Chromium is: `CHROMIUM_PATH`, or where Debian puts it; undefined without one. */
export function chromiumPath(): string | undefined {
  const given = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
  return existsSync(given) ? given : undefined;
}

/** Starts it with an empty profile and nothing that reaches for the network. */
export function startChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
