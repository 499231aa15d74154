/**
 * The few error classes of the project. Every message reads `thing: expected X, got Y (where)`; every error
 * carries a stable code such as `safetensors/overlap`, so that a caller can tell cases apart without reading text.
 */

/** Any failure Espalier foresees. `code` is stable between versions; the message is not. */
export class EspalierError extends Error {
  readonly code: string;
  /** Written out in every class: a bundler that shortens names would shorten the class's own. */
  override readonly name: string = "EspalierError";
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The user's data or arguments are not what they have to be. Exit code 2. */
export class InputError extends EspalierError {
  override readonly name = "InputError";
}

/** A setting is unknown, out of range or contradicts another. Exit code 2. */
export class ConfigError extends EspalierError {
  override readonly name = "ConfigError";
}

/** A file is damaged, hostile, or of a kind that is not read here. Exit code 2. */
export class FormatError extends EspalierError {
  override readonly name = "FormatError";
}

/** A computation went wrong: a loss that is not finite, constant predictions, a session that failed. Exit code 1. */
export class RunError extends EspalierError {
  override readonly name = "RunError";
}

/** The error of a model that is asked after it was closed, or was closed before it answered. */
export function closedModel(code: string): RunError {
  return new RunError(code, "model: expected an open one, got one that was closed");
}

/** Stopped on request, with everything saved. Exit code 130. */
export class InterruptedError extends EspalierError {
  override readonly name = "InterruptedError";
}
