/** A switch that goes down or up. */
export interface Edge {
  /** Which switch: a key's code, "pointer", or a gamepad's button. */
  readonly source: string;
  readonly down: boolean;
  readonly atMs: number;
}

export interface Presses {
  /** The switches that are down. */
  readonly held: readonly string[];
  /** When a switch last went down or up. */
  readonly lastMs: number;
}

export const RELEASED: Presses = { held: [], lastMs: -Infinity };

/**
 * What an edge means. A press is a signal if no switch is down and none has moved for `gapMs`: so a trembling press, one that
 * bounces when it is released, and one that is held are one signal each.
 */
export function afterEdge({ held, lastMs }: Presses, edge: Edge, gapMs: number): readonly [Presses, signal: boolean] {
  const { source, down, atMs } = edge;
  if (down === held.includes(source)) return [{ held, lastMs }, false]; // a key that repeats itself, or came up elsewhere
  const next = down ? [...held, source] : held.filter((other) => other !== source);
  return [{ held: next, lastMs: atMs }, down && held.length === 0 && atMs - lastMs >= gapMs];
}
