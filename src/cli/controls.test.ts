import { expect, test } from "vitest";
import { escapeAllButLines, escapeControls } from "./controls.ts";

test("characters that would act on a terminal are spelt out, all others stay", () => {
  expect(escapeControls("\u001b[2Jgone\u009b31m\u007f a\tb\nc")).toBe("\\x1b[2Jgone\\x9b31m\\x7f a\\tb\\nc");
  expect(escapeControls("txt.\u202egpj")).toBe("txt.\\u202egpj");
  expect(escapeControls("naïve 中文 😀 C:\\new")).toBe("naïve 中文 😀 C:\\new");
});

test("in text of several lines the lines stay", () => {
  expect(escapeAllButLines("a\tb\n\u001b[1mc\r\n")).toBe("a\tb\n\\x1b[1mc\\r\n");
});
