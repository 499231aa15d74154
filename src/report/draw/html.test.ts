import fc from "fast-check";
import { expect, test } from "vitest";
import { dataText, escapeHtml, html, trusted } from "./html.ts";

test("values are text wherever they stand, and markup only where html made it", () => {
  const evil = `"><script>alert('x')</script>&`;
  const made = html`<p title="${evil}">${evil}${html`<b>${1}</b>`}${[evil, undefined, false]}${trusted("<i>")}</p>`;
  const safe = "&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;";
  expect(made.text).toBe(`<p title="${safe}">${safe}<b>1</b>${safe}<i></p>`);
});

test("no text leaves a character that could begin or end markup", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const escaped = escapeHtml(text);
      expect(escaped).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/);
    }),
  );
});

test("what HTML does not allow becomes a sign for it: control characters and halves of pairs", () => {
  expect(escapeHtml("a\u0000b\u001bc\ud800d\n\te")).toBe("a\ufffdb\ufffdc\ufffdd\n\te");
});

test("a text from data keeps its direction to itself, and is cut where it is very long", () => {
  expect(dataText("שלום").text).toBe('<bdi dir="auto">שלום</bdi>');
  expect(dataText("abcdef", 3).text).toBe('<bdi dir="auto">abc…</bdi>');
});
