/**
 * What metrics.jsonl tells of a run: its title, its steps and evaluations, its phases, its notes.
 *
 * Lines are read as they may be: of an earlier version, of a run that was stopped and resumed, where a step can stand twice
 * and the later line counts. What has another shape is passed over.
 */

/** One optimizer step. */
export interface Step {
  readonly step: number;
  readonly loss: number;
  readonly rate: number;
}

/** One look at the judging examples. */
export interface Look {
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly loss: number;
}

/** A part of the run's time. */
export interface Phase {
  readonly name: string;
  readonly seconds: number;
}

/** The data as the run described it. */
export interface DataFacts {
  readonly train: number;
  readonly dev: number;
  readonly shares: Readonly<Record<string, number>>;
  readonly cut: number;
  readonly maxLength: number;
}

/** The events of a run, in order. */
export interface History {
  readonly title: string;
  /** Steps of the plan; 0 when none was taken. */
  readonly total: number;
  readonly steps: readonly Step[];
  readonly looks: readonly Look[];
  readonly phases: readonly Phase[];
  readonly notes: readonly string[];
  readonly data?: DataFacts;
}

type Event = Readonly<Record<string, unknown>>;

/** Reads the events of metrics.jsonl. @param end  seconds after which the run was over, where its last event does not say */
export function historyOf(events: readonly Event[], end?: number): History {
  const steps = new Map<number, Step>();
  const looks = new Map<number, Look>();
  const notes = new Set<string>();
  let [title, total] = ["", 0];
  let data: DataFacts | undefined;
  for (const event of events) {
    const { kind, step, loss } = event;
    if (kind === "start" && title === "") title = String(event.title ?? "");
    if (kind === "note") notes.add(String(event.text));
    if (kind === "data") data = dataOf(event) ?? data;
    if (typeof step !== "number" || typeof loss !== "number") continue;
    if (kind === "step") {
      total = numberOf(event.total) ?? total;
      steps.set(step, { step, loss, rate: numberOf(event.rate) ?? Number.NaN });
    }
    if (kind === "evaluation") looks.set(step, { step, loss, metrics: numbersOf(event.metrics) });
  }
  const inOrder = <T extends { readonly step: number }>(map: ReadonlyMap<number, T>): T[] =>
    [...map.values()].sort((a, b) => a.step - b.step);
  const all = { title, total, steps: inOrder(steps), looks: inOrder(looks) };
  return { ...all, phases: phasesOf(events, end), notes: [...notes], ...(data ? { data } : {}) };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function numbersOf(value: unknown): Record<string, number> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => (typeof each === "number" ? [[name, each]] : [])),
  );
}

function dataOf(event: Event): DataFacts | undefined {
  const [train, dev, maxLength] = [event.train, event.dev, event.maxLength].map(numberOf);
  if (train === undefined || dev === undefined || maxLength === undefined) return undefined;
  return { train, dev, maxLength, shares: numbersOf(event.shares), cut: numberOf(event.cut) ?? 0 };
}

/** From the beginning of each phase to that of the next; what comes before the first is preparation. */
function phasesOf(events: readonly Event[], end: number | undefined): Phase[] {
  const begun = events.flatMap((event) => {
    const at = numberOf(event.at);
    if (at === undefined) return [];
    const name = event.kind === "phase" ? String(event.name) : event.kind === "step" ? "training" : undefined;
    return [{ at, name }];
  });
  const seconds = new Map<string, number>();
  let [name, since] = ["preparing", 0];
  for (const { at, name: next } of end === undefined ? begun : [...begun, { at: end, name: undefined }]) {
    seconds.set(name, (seconds.get(name) ?? 0) + Math.max(0, at - since));
    since = at;
    // A phase that trains has a name already; fine-tuning has none of its own.
    if (next !== undefined && !(next === "training" && TRAINS.test(name))) name = next;
  }
  return [...seconds]
    .map(([each, time]) => ({ name: each, seconds: time }))
    .filter((each) => each.seconds > 0.05);
}

const TRAINS = /^(?:compressing|fine-tuning|training)$/;
