/** Worker threads load compiled JavaScript, also when the caller itself runs from TypeScript under a test runner. */

/** Address of the built module `relative` to the module at `base` (an `import.meta.url`). */
export function builtUrl(relative: string, base: string): URL {
  const url = new URL(relative, base);
  return base.endsWith(".ts") ? new URL(url.href.replace(/\/src\/(?!.*\/src\/)/, "/dist/")) : url;
}

/**
 * Options of a worker thread: the flags of this process, or none where one of them only suits text on the command line.
 * Node checks flags that are handed on one by one, and refuses some that it takes itself, so it is all or nothing.
 */
export function workerFlags(): { readonly execArgv?: string[] } {
  return process.execArgv.some((flag) => flag.startsWith("--input-type")) ? { execArgv: [] } : {};
}
