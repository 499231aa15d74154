/**
 * Which method `compress` is asked for: a built-in one by its id, a module's by its path, or a value of a program.
 *
 * A method that is not built in leaves its id, its settings and a digest in the recipe, so that a run which goes on can
 * tell whether it still has the same one. The digest is of the module's own file, or of the text of the value's
 * functions: what these import or close over is not in it.
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ConfigError, InputError } from "../base/errors.ts";
import type { ConfiguredMethod, RegisteredMethod } from "../contract/configured.ts";
import { methodFromOutside } from "../contract/outside.ts";
import type { MethodRequest } from "../contract/settings.ts";
import { builtInMethod, METHODS, methodById } from "../methods/registry.ts";
import type { CompressSettings } from "../options/training.ts";
import type { OwnMethod } from "../runs/recipe.ts";

/** A method as a run needs it. */
export interface ChosenMethod {
  readonly method: ConfiguredMethod;
  /** For the recipe; absent for a built-in method. */
  readonly own?: OwnMethod;
  /** Times the usual passes over the data, where nobody says how many. */
  readonly longer?: number | undefined;
  /** For the recipe: the aims that chose it, where there were some. */
  readonly wanted?: Readonly<Record<string, number>> | undefined;
}

/** Whether `--method` names a module and not an id: it has a folder, an ending, or is a file URL. */
export function isModule(reference: string): boolean {
  return /[\\/]|\.[cm]?[jt]s$|^file:/.test(reference);
}

/**
 * The method of a reference or value, set as asked.
 *
 * @throws {ConfigError} `method/unknown`, `method/module`, `method/shape`, `method/taken`; as `methodConfig` does
 * @throws {InputError} `file/missing` for a module that is not there
 */
export async function chooseMethod(given: unknown, request: MethodRequest): Promise<ChosenMethod> {
  if (typeof given === "string" && !isModule(given)) return { method: methodById(given, request) };
  const builtIn = builtInMethod(given);
  if (builtIn) return { method: builtIn.configure(request) };
  const { registered, path, sha256 } = await outsideMethod(given);
  const method = registered.configure(request);
  return { method, own: { id: method.id, settings: method.settings, path, sha256 } };
}

/** Settings of the method as they are typed: a run that is resumed, or compared, has them as text. */
export function asTyped(set: CompressSettings["set"]): Record<string, string> {
  return Object.fromEntries(Object.entries(set).map(([name, value]) => [name, String(value)]));
}

/** What is asked of a method. */
export function requestOf({ set, sparsity }: CompressSettings): MethodRequest {
  return { set: asTyped(set), ...(sparsity === undefined ? {} : { sparsity }) };
}

/** The method a module's default export is. @throws as `chooseMethod` does */
export async function methodOfModule(reference: string): Promise<RegisteredMethod> {
  return (await outsideMethod(reference)).registered;
}

interface Found extends Pick<OwnMethod, "path" | "sha256"> {
  readonly registered: RegisteredMethod;
}

async function outsideMethod(given: unknown): Promise<Found> {
  if (typeof given !== "string") {
    return {
      registered: untaken(methodFromOutside(given, "compress"), "compress"),
      path: null,
      sha256: textDigest(given),
    };
  }
  const url = given.startsWith("file:") ? new URL(given) : pathToFileURL(given);
  if (!existsSync(url))
    throw new InputError("file/missing", `method: expected a module, got nothing (${given})`);
  const sha256 = digest(await readFile(fileURLToPath(url)));
  const exported = await importDefault(url, sha256, given);
  return { registered: untaken(methodFromOutside(exported, given), given), path: given, sha256 };
}

/** The digest is in the address: a module that has changed is read again, in a program that goes on too. */
async function importDefault(url: URL, sha256: string, where: string): Promise<unknown> {
  const address = new URL(url);
  address.searchParams.set("sha256", sha256.slice(0, 16));
  let exported: { readonly default?: unknown };
  try {
    exported = await import(address.href);
  } catch (cause) {
    throw new ConfigError(
      "method/module",
      `method: expected a module, got ${importProblem(cause)} (${where})`,
      { cause },
    );
  }
  if (exported.default !== undefined) return exported.default;
  const names = Object.keys(exported).filter((name) => name !== "module.exports");
  const got = names.length > 0 ? `only ${names.join(", ")}` : "none";
  throw new ConfigError("method/module", `method: expected a default export, got ${got} (${where})`);
}

function importProblem(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = "code" in cause ? cause.code : undefined;
  if (code === "ERR_UNKNOWN_FILE_EXTENSION") {
    return `a file that Node ${process.versions.node} does not run; .ts needs Node 22.18 or newer, .js runs everywhere`;
  }
  return `${cause.name}: ${cause.message.split("\n")[0]}${adviceFor(cause, code)}`;
}

function adviceFor({ name, message }: Error, code: unknown): string {
  if (code === "ERR_MODULE_NOT_FOUND" && /'espalier'/.test(message)) {
    return "; it has to be installed in the module's folder or one above: README.md says how under Install";
  }
  // What `npm init` writes makes of a .js file a script, in which these words mean nothing.
  const isScript = name === "SyntaxError" && /outside a module|token 'export'/.test(message);
  return isScript ? '; name it .mjs, or write "type": "module" in the package.json above it' : "";
}

/** @throws {ConfigError} `method/taken` for an id that a built-in method has */
function untaken(method: RegisteredMethod, where: string): RegisteredMethod {
  if (!Object.hasOwn(METHODS, method.id)) return method;
  throw new ConfigError(
    "method/taken",
    `method.id: expected one that is free, got the built-in "${method.id}" (${where})`,
  );
}

function textDigest(value: unknown): string {
  return digest(
    JSON.stringify(value, (_, part: unknown) => (typeof part === "function" ? String(part) : part)),
  );
}

function digest(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
