/**
 * How the page is controlled: its buttons alone; one switch for the next action; one switch for every control, which are
 * highlighted in turn; a pointer that rests; a raised hand.
 */
export type Way = "buttons" | "switch" | "scan" | "dwell" | "pose";

export const WAYS: readonly Way[] = ["buttons", "switch", "scan", "dwell", "pose"];

/** What one signal does after a take: it keeps it, or it takes the choice that is highlighted. */
export type AfterTake = "choose" | "keep";

interface Bounds {
  readonly least: number;
  readonly most: number;
  readonly step: number;
  readonly unit: "ms" | "shoulders";
  readonly default: number;
}

/** The numbers that a person can adjust. `shoulders`: in widths of the person's shoulders. */
export const NUMBERS = {
  /** The shortest quiet time before a press counts; a trembling press within it is one press. */
  gapMs: { least: 0, most: 2000, step: 50, unit: "ms", default: 300 },
  /** How long each control is highlighted. */
  paceMs: { least: 500, most: 6000, step: 250, unit: "ms", default: 1500 },
  /** How long the pointer rests on a control before that is pressed. */
  dwellMs: { least: 400, most: 5000, step: 100, unit: "ms", default: 1200 },
  /** How far a wrist is above the shoulders in a raised hand; negative is below them. */
  raiseHeight: { least: -0.8, most: 1.2, step: 0.1, unit: "shoulders", default: 0.2 },
  /** How long a hand stays raised before it counts. */
  raiseMs: { least: 100, most: 3000, step: 100, unit: "ms", default: 500 },
  /** How far a wrist may be above its elbow at rest; negative is below it. */
  restHeight: { least: -0.6, most: 1, step: 0.1, unit: "shoulders", default: 0.1 },
  /** How far a wrist may move within 400 ms at rest. */
  restMovement: { least: 0.05, most: 1, step: 0.05, unit: "shoulders", default: 0.25 },
  /** How long the rest lasts before it counts. */
  restMs: { least: 300, most: 5000, step: 100, unit: "ms", default: 1000 },
} as const satisfies Readonly<Record<string, Bounds>>;

export type NumberName = keyof typeof NUMBERS;
export const NUMBER_NAMES = Object.keys(NUMBERS) as readonly NumberName[];

export type Settings = Readonly<Record<NumberName, number>> & { readonly way: Way; readonly afterTake: AfterTake };

export const DEFAULT_SETTINGS: Settings = {
  way: "buttons",
  afterTake: "choose",
  ...(Object.fromEntries(NUMBER_NAMES.map((name) => [name, NUMBERS[name].default])) as Record<NumberName, number>),
};

/** A number within its bounds, on one of its steps. */
export function fitting(name: NumberName, value: number): number {
  const { least, most, step } = NUMBERS[name];
  const stepped = least + Math.round((Math.min(most, Math.max(least, value)) - least) / step) * step;
  return Number(stepped.toFixed(2));
}

/** The settings in the query part of an address; what is missing or wrong there has its default. */
export function readSettings(query: string): Settings {
  const given = new URLSearchParams(query);
  const way = WAYS.find((name) => name === given.get("way")) ?? DEFAULT_SETTINGS.way;
  const numbers = NUMBER_NAMES.map((name) => {
    const text = given.get(name) ?? "";
    const value = Number(text);
    return [name, text.trim() !== "" && Number.isFinite(value) ? fitting(name, value) : NUMBERS[name].default];
  });
  const afterTake = given.get("afterTake") === "keep" ? "keep" : "choose";
  return { way, afterTake, ...(Object.fromEntries(numbers) as Record<NumberName, number>) };
}

/** The query part with these settings, and with whatever else it has; settings that are the default are left out. */
export function writeSettings(query: string, settings: Settings): string {
  const written = new URLSearchParams(query);
  for (const name of ["way", "afterTake", ...NUMBER_NAMES] as const) {
    if (settings[name] === DEFAULT_SETTINGS[name]) written.delete(name);
    else written.set(name, String(settings[name]));
  }
  const text = written.toString();
  return text === "" ? "" : `?${text}`;
}
