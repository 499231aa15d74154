/**
 * ONNX Runtime's official builds from 1.29 on report to their maker what they run: they keep an identifier of the machine
 * and a database in the cache folder, and send it when there is a network. Nobody who trains or answers here has asked for
 * that, so it is off, unless the variable says otherwise.
 *
 *   Variable  https://github.com/microsoft/onnxruntime/pull/27379; read once, when the first session of a process is made
 *
 * A thread of the caller's own has a copy of the environment, which the library does not see: there the variable is to be
 * set for the process.
 */

/** Switches it off for this process and those that it starts. Called before a session is made. */
export function withoutTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
}
