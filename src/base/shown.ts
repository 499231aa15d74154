/** A value that a caller gave, as a message shows it: `"2"` is seen to be a text, and nothing can fail to be shown. */

/** Characters of a text or a record that are shown. */
const MOST = 80;

/** In JSON where that says what it is; else its kind. */
export function shown(value: unknown): string {
  if (typeof value === "string" || Array.isArray(value) || isPlain(value)) return shortened(jsonOf(value));
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return `a value of class ${value.constructor.name}`;
  return typeof value === "bigint" ? `${value}n` : String(value);
}

/** Whether it is a record, and not a value of a class such as Map, which has what it holds elsewhere. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const kind: unknown = Object.getPrototypeOf(value);
  return kind === Object.prototype || kind === null;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // A number of arbitrary size inside, or a record that holds itself.
    return Array.isArray(value) ? "a list" : "a record";
  }
}

/** So many characters of a text, and a sign where there are more. */
export function shortened(text: string, most = MOST): string {
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}
