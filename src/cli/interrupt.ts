/** Ctrl-C as an AbortSignal: the first asks a run to save and stop, the second ends the process. */

/** The part of `process` that is needed here. */
export interface Interruptible {
  on(event: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  off(event: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  exit(code: number): unknown;
}

/** The signal, and a function that gives Ctrl-C its ordinary meaning back. */
export interface Interrupt {
  readonly signal: AbortSignal;
  readonly release: () => void;
}

/** Listens for SIGINT and SIGTERM; `tell` shows the user what the first one did. */
export function interruptSignal(process: Interruptible, tell: (text: string) => void): Interrupt {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) {
      process.exit(130);
      return;
    }
    tell("espalier: stopping after this step; again to end at once\n");
    controller.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const release = () => {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  };
  return { signal: controller.signal, release };
}
