/** A packed file in its sections, for tests that look at one or spoil it. */

import { openSections } from "../../src/sparse/esp/container.ts";

/** The sections of a file of any version. @throws as `openSections` does */
export function splitSections(bytes: Uint8Array, where: string): readonly Uint8Array[] {
  return openSections(bytes, where).sections;
}
