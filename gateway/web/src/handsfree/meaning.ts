import type { AfterTake } from "./settings";

/** What a person gives: a press of a switch, a raised hand, or a return to rest. */
export type Signal = "press" | "raise" | "rest";

/** The commands that a signal may give. Others need a control of their own: to cancel, or to end for today, is no accident. */
const GIVEN: ReadonlySet<string> = new Set(["start", "stop", "next", "keep", "again", "goOn"]);
/** The commands that keep a take. */
const KEEPING: ReadonlySet<string> = new Set(["next", "keep"]);

/**
 * What a signal may mean now, of the commands that the page has, the one that most people want first: none, one, or several
 * that are highlighted in turn. A raised hand never stops a take, because it may be its gesture; rest does nothing else.
 */
export function meanings<Command extends string>(
  signal: Signal,
  commands: readonly Command[],
  afterTake: AfterTake,
): readonly Command[] {
  const given = commands.filter(
    (command) => GIVEN.has(command) && (signal === "press" || (command === "stop") === (signal === "rest")),
  );
  const keeping = given.filter((command) => KEEPING.has(command));
  return afterTake === "keep" && keeping.length > 0 ? keeping : given;
}
