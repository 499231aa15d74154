/**
 * The small pre-trained model that comes with the package, so that everything can be tried without a download.
 *
 * On the command line it is called `embedded` wherever a model is asked for; its labelled data, `embedded:sentiment`,
 * is generated (data/sentiment.ts) and needs no file. What the model is, and is not: assets/README.md.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../base/errors.ts";

/** What the model is called on the command line. */
export const EMBEDDED = "embedded";

/** The folder's name under `assets/`, and the model's in reports. */
export const EMBEDDED_NAME = "wiki-bert-4x160";

/**
 * Folder of the embedded model.
 *
 * @param assets  where the package keeps it; another only in tests
 * @throws {InputError} `embedded/missing` when the package was put together without its assets
 */
export function embeddedModel(assets = fileURLToPath(new URL("../../assets/", import.meta.url))): string {
  const path = join(assets, EMBEDDED_NAME);
  if (existsSync(join(path, "config.json"))) return path;
  throw new InputError(
    "embedded/missing",
    `model: expected ${EMBEDDED_NAME} in the package, got a package without it (${path})`,
  );
}
