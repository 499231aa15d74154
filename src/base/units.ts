/** Numbers and text as people read them: three significant digits, decimal prefixes, lines of a given width. */

/** 11_170_000 → `11.2 M`. */
export function count(n: number): string {
  return scaleToUnit(n, 1000, ["", " k", " M", " G", " T"]);
}

/** 44_700_000 → `44.7 MB`. */
export function bytes(n: number): string {
  return scaleToUnit(n, 1000, [" B", " kB", " MB", " GB", " TB"]);
}

/** Milliseconds: `3.12 ms`, `1.20 s`. */
export function milliseconds(ms: number): string {
  return ms < 1000 ? `${digits(ms)} ms` : `${digits(ms / 1000)} s`;
}

/** Seconds as a clock: `0:07`, `2:10`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((n) => String(n).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${parts.join(":")}` : parts.join(":").replace(/^0/, "");
}

/** Three significant digits without an exponent: `0.123`, `4.56`, `78.9`, `1234`. */
export function digits(n: number): string {
  const size = Math.abs(n);
  const decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return n.toFixed(size < 0.995 && size > 0 ? 3 : decimals);
}

function scaleToUnit(n: number, base: number, units: readonly string[]): string {
  let value = n;
  let unit = 0;
  // 999.5 would be shown as 1000: it belongs to the next unit.
  while (value >= base - 0.5 && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return `${unit === 0 ? String(Math.round(value)) : digits(value)}${units[unit] ?? ""}`;
}

/** Breaks text between words so that no line is longer than `width`, unless one word is. */
export function wrap(text: string, width: number): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join("\n");
}

/** A sentence's beginning: the first letter as a capital. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
