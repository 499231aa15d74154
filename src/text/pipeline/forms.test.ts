import { expect, test } from "vitest";
import { formOf } from "./forms.ts";

test.each(["NFC", "NFD", "NFKC", "NFKD"] as const)(
  "%s of more marks than a language has is its form",
  (form) => {
    // Classes 230, 202, 220 and 240, out of order; a letter with a form of its own before and behind.
    const marks = ["\u0301", "\u0327", "\u0323", "\u0345"];
    for (const length of [63, 64, 65, 300]) {
      const run = Array.from({ length }, (_, i) => marks[(7 * i) % 4] ?? "").join("");
      const text = `é${run} a${run}ﬁ\u1100\u1161 ü`;
      expect(formOf(text, form)).toBe(text.normalize(form));
    }
  },
);
