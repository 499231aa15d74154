/**
 * How a page looks: one column of text, charts beside one another where there is room, one accent, light and dark, paper.
 *
 * Colours of series are Okabe and Ito's, which colour-blind people tell apart (https://jfly.uni-koeln.de/color/), lighter
 * ones in the dark. Shades of a map are one colour mixed into the paper, so that they are in order of lightness as well.
 */

import { SHADES } from "./draw/cells.ts";

/** Shades from which a cell's number is written in the colour of the paper. */
const DARK_FROM = { light: 6, dark: 5 };

const LIGHT = {
  paper: "#ffffff",
  wash: "#f5f6f7",
  ink: "#1b1f23",
  soft: "#59636e",
  line: "#dfe3e7",
  accent: "#00639c",
  deep: "#004a77",
  tones: ["#0072b2", "#c34e00", "#007a59", "#a8457f", "#8a6100", "#3987b5", "#6e7781"],
};
const DARK = {
  paper: "#14181c",
  wash: "#1c2126",
  ink: "#e8ebee",
  soft: "#a3adb8",
  line: "#323a42",
  accent: "#74bdec",
  deep: "#8fd0f7",
  tones: ["#5fb4e8", "#f0894a", "#3fc29a", "#e08fbd", "#e6b23c", "#9ad3f5", "#9aa4af"],
};

type Palette = typeof LIGHT;

function variables({ tones, ...named }: Palette): string {
  const names = Object.entries(named).map(([name, value]) => `--${name}:${value}`);
  return [...names, ...tones.map((tone, i) => `--t${i}:${tone}`)].join(";");
}

function numbersInCells(from: number): string {
  const all = Array.from(
    { length: SHADES },
    (_, i) => `.k${i} .in{fill:var(--${i >= from ? "paper" : "ink"})}`,
  );
  return all.join("");
}

const TONES = LIGHT.tones.map((_, i) => `.s${i}{--tone:var(--t${i})}`).join("");

const SHADE_RULES = Array.from({ length: SHADES }, (_, i) => {
  const share = i === 0 ? 0 : 10 + Math.round((90 * (i - 1)) / (SHADES - 2));
  const colour = i === 0 ? "var(--wash)" : `color-mix(in oklab,var(--deep) ${share}%,var(--paper))`;
  return `.k${i}{--shade:${colour}}`;
}).join("");

/** What charts look like, wherever they stand. */
const CHARTS = `svg text{font-size:10px;fill:var(--soft);font-family:inherit}
svg .sign{font-weight:600;fill:var(--tone)}
svg .name,svg .head{fill:var(--soft)}
svg .note{fill:var(--soft)}
line.rule{stroke:var(--line);stroke-width:1}
line.base{stroke:var(--soft);stroke-width:1}
line.kept{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 3}
path.line{fill:none;stroke:var(--tone);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
path.faint{stroke-width:1;stroke-dasharray:3 3}
path.front{fill:none;stroke:var(--soft);stroke-width:1.25;stroke-dasharray:5 4}
path.d1{stroke-dasharray:6 4}path.d2{stroke-dasharray:1.5 4}
svg circle{fill:var(--tone);stroke:var(--paper);stroke-width:1}
.hollow circle{fill:var(--paper);stroke:var(--tone);stroke-width:2}
svg rect{fill:var(--tone)}
rect.pale{opacity:.3}
${TONES}
${SHADE_RULES}
.cell rect,.key rect{fill:var(--shade)}
.cell.none rect{fill:none;stroke:var(--line)}
.shades path{stroke:var(--shade);stroke-width:1.02;fill:none;shape-rendering:crispEdges;vector-effect:none}`;

/** Of a picture that is a file of its own: it has its paper with it, because it cannot know what it is laid on. */
export const PICTURE_STYLE = `
:root{${variables(LIGHT)};background:var(--paper);font-family:Inter,"Segoe UI",system-ui,-apple-system,"Helvetica Neue","Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums}
${numbersInCells(DARK_FROM.light)}
@media screen and (prefers-color-scheme:dark){:root{${variables(DARK)}}${numbersInCells(DARK_FROM.dark)}}
${CHARTS}
`;

/** The style sheet. */
export const STYLE = `
:root{color-scheme:light dark;${variables(LIGHT)}}
${numbersInCells(DARK_FROM.light)}
@media screen and (prefers-color-scheme:dark){:root{${variables(DARK)}}${numbersInCells(DARK_FROM.dark)}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 Inter,"Segoe UI",system-ui,-apple-system,"Helvetica Neue","Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,header,footer{max-width:68rem;margin:0 auto;padding:0 clamp(1.25rem,5vw,3rem)}
header{padding-top:clamp(2.5rem,7vw,5rem)}
footer{margin-top:5rem;padding-bottom:3rem;color:var(--soft);font-size:.875rem}
h1,h2,h3{line-height:1.2;font-weight:650;letter-spacing:-.015em;text-wrap:balance;max-width:34ch;overflow-wrap:anywhere}
h1{font-size:clamp(1.75rem,1.2rem + 2.6vw,2.75rem);margin:.5rem 0 1rem;letter-spacing:-.025em}
h2{font-size:clamp(1.35rem,1.1rem + 1.1vw,1.75rem);margin:.25rem 0 1.5rem}
h3{font-size:1.2rem;margin:.25rem 0 1.25rem;max-width:48ch}
h3.group{margin:2.5rem 0 1rem}
p{max-width:68ch;margin:.75rem 0;overflow-wrap:anywhere}
a{color:var(--accent);text-underline-offset:.18em;text-decoration-thickness:1px}
a:hover{text-decoration-thickness:2px}
:focus-visible{outline:2.5px solid var(--accent);outline-offset:2px;border-radius:2px}
.topic{margin:0;color:var(--accent);font-size:.8125rem;font-weight:600;letter-spacing:.02em}
.lead{font-size:1.1rem;color:var(--soft);max-width:60ch}
section{margin-top:clamp(3.5rem,7vw,5.5rem)}
section section{margin-top:3.25rem}
nav ol{list-style:none;padding:0;margin:1.5rem 0 0;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;font-size:.9375rem}
nav a{text-decoration:none;display:inline-block;padding:.2rem 0;overflow-wrap:anywhere}
nav a:hover{text-decoration:underline}
.tiles{list-style:none;display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:1.75rem 2rem;padding:1.5rem 0;margin:1.5rem 0;border-block:1px solid var(--line)}
.tiles li{display:flex;flex-direction:column}
.tiles strong{font-size:1.75rem;font-weight:600;letter-spacing:-.02em;line-height:1.3}
.tiles .what,.tiles .note{color:var(--soft);font-size:.875rem}
.verdict p{margin:.45rem 0}.verdict strong{font-weight:600}
.absent{border-left:3px solid var(--t4);padding:.1rem 0 .1rem .9rem;color:var(--soft)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:.55rem 3rem;margin:2rem 0 1rem;font-size:.9375rem}
.facts div{display:grid;grid-template-columns:7rem 1fr;gap:1rem;align-items:baseline}
.facts dt{color:var(--soft)}
.facts dd{margin:0;overflow-wrap:anywhere}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:2.5rem 3.5rem;align-items:start}
figure{margin:1rem 0 0;min-width:0}
.stack{display:grid;gap:2.5rem}
figure>svg{display:block;width:100%;max-width:36rem;height:auto;overflow:visible}
figcaption{color:var(--soft);font-size:.875rem;line-height:1.5;margin-top:.75rem;max-width:60ch;overflow-wrap:anywhere}
${CHARTS}
a.cell{cursor:pointer}
a.cell:hover rect,a.cell:focus-visible rect{stroke:var(--ink);stroke-width:2}
.key{display:inline-flex;align-items:center;gap:.4rem;white-space:nowrap}
.legend{list-style:none;padding:0;margin:.4rem 0 0;display:flex;flex-wrap:wrap;gap:.1rem 1.1rem}
.legend li{display:flex;align-items:center;gap:.45rem;min-width:0;overflow-wrap:anywhere}
.legend svg{flex:none}
details.numbers{margin-top:.75rem;font-size:.9375rem}
summary{cursor:pointer;color:var(--accent);font-size:.875rem;width:max-content;max-width:100%;padding:.15rem 0}
.scroll{overflow-x:auto;max-width:100%;margin-top:.5rem;background:linear-gradient(to right,var(--paper) 40%,transparent) left/3rem 100% no-repeat local,linear-gradient(to left,var(--paper) 40%,transparent) right/3rem 100% no-repeat local,linear-gradient(to right,var(--line),transparent) left/.8rem 100% no-repeat scroll,linear-gradient(to left,var(--line),transparent) right/.8rem 100% no-repeat scroll}
.data{border-collapse:collapse;font-size:.875rem;line-height:1.45;min-width:min(100%,20rem)}
.data th,.data td{padding:.42rem .75rem .42rem 0;vertical-align:top;border-bottom:1px solid var(--line);white-space:nowrap}
.data th{font-weight:500;text-align:left}
.data thead th{color:var(--soft);vertical-align:bottom;border-bottom:1px solid var(--soft)}
.data .n{text-align:right}
.data tr>:last-child{padding-right:0}
.data tbody th{max-width:26rem;white-space:normal;overflow-wrap:anywhere;min-width:min(9rem,28vw)}
.data thead button{font:inherit;color:inherit;background:none;border:0;padding:0;margin:0;cursor:pointer;text-align:inherit}
.data thead button:hover{color:var(--accent)}
[aria-sort=ascending] button::after{content:" ↑"}
[aria-sort=descending] button::after{content:" ↓"}
.texts .data{min-width:min(100%,46rem)}
.texts .data tbody th{min-width:16rem;max-width:34rem;font-weight:400}
.texts .data td{white-space:normal;overflow-wrap:anywhere;min-width:6.5rem}
.p{color:var(--soft);white-space:nowrap}
.fate{white-space:nowrap}
.fate.became-wrong{color:var(--t1)}.fate.became-right{color:var(--t2)}
.no{display:inline-block;min-width:1.6em;color:var(--soft)}
.command{background:var(--wash);border-radius:6px;padding:1rem 1.2rem;overflow-x:auto;font-size:.875rem;line-height:1.6;white-space:pre-wrap;overflow-wrap:anywhere}
.phrase{white-space:nowrap}
code,pre{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;font-size:.92em}
.copy{font:inherit;font-size:.875rem;color:var(--accent);background:none;border:1px solid var(--line);border-radius:6px;padding:.3rem .8rem;cursor:pointer}
.matrix{display:none;margin-top:2rem;padding:1.5rem;background:var(--wash);border-radius:8px;scroll-margin-top:2rem}
.matrix:target{display:block}
.panel-name{font-weight:600;margin:0 0 1rem;font-size:1.05rem}
.panel{display:grid;grid-template-columns:minmax(0,16rem) minmax(0,1fr);gap:1.5rem 2.5rem}
.panel .facts{margin:0;align-content:start}
.picture svg{width:100%;height:auto;display:block;background:var(--paper)}
.ways{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;font-size:.9375rem;margin:1.25rem 0 0}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:40rem){.panel{grid-template-columns:1fr}.facts div{grid-template-columns:5.5rem 1fr}.matrix{padding:1.1rem}.tiles{grid-template-columns:1fr 1fr;gap:1.25rem 1rem}.tiles strong{font-size:1.4rem}}
@media print{
@page{margin:16mm 14mm}
body{font-size:10.5pt}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
main,header,footer{max-width:none;padding:0}
header{padding-top:0}
nav,summary,.copy,.matrix,.matrix:target{display:none}
section{margin-top:2.2rem}
figure,.tiles,.verdict,tr{break-inside:avoid}
h1,h2,h3,.topic{break-after:avoid}
.scroll{overflow:visible}
.data{font-size:8.5pt}
.data th,.data td{white-space:normal;padding-right:.6rem}
.grid{grid-template-columns:1fr 1fr;gap:1.5rem 2rem}
.grid>figure:has(>.scroll){grid-column:1/-1}
.tiles{grid-template-columns:repeat(4,1fr);gap:1rem}.tiles strong{font-size:15pt}
.scroll{background:none}
.facts{grid-template-columns:1fr 1fr;gap:.3rem 2rem}.facts div{grid-template-columns:5rem 1fr}
a{color:inherit;text-decoration:none}
}
`;
