/**
 * Markup that is safe to put into a page: what is written here is markup, what is put in is text.
 *
 * `html` escapes every value that is not itself made by `html`, inside of elements and of quoted attributes alike. Texts
 * from data go through `dataText`, which keeps their direction and their length to themselves. Not here: what a page says.
 */

/** Text of a page. Made by `html` and by `trusted` alone. */
export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

/** What `html` takes: text and numbers are escaped, lists joined; undefined and false leave nothing. */
export type Part = Html | string | number | undefined | false | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it stands in an element or a quoted attribute. Characters that HTML does not allow become a sign for them. */
export function escapeHtml(text: string): string {
  return (
    text
      .replaceAll(/\p{Surrogate}/gu, "\ufffd")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g, "\ufffd")
      .replaceAll(/[&<>"']/g, (c) => ENTITIES[c] ?? c)
  );
}

/** Markup with escaped values. */
export function html(markup: TemplateStringsArray, ...values: readonly Part[]): Html {
  return new Html(markup.map((text, i) => text + textOf(values[i])).join(""));
}

function textOf(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "string") return escapeHtml(part);
  if (typeof part === "number") return String(part);
  return part.map(textOf).join("");
}

/** Markup, style or script that this program itself holds; never a text from data. */
export function trusted(text: string): Html {
  return new Html(text);
}

/** Characters of a text that are shown. */
const LONGEST = 400;

/** A text from data, in a direction of its own, cut where it is very long. */
export function dataText(text: string, longest = LONGEST): Html {
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return html`<bdi dir="auto">${shown}</bdi>`;
}
