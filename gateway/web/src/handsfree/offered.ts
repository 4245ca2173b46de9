import { controlsIn } from "./controls";
import { meanings, type Signal } from "./meaning";
import type { Settings } from "./settings";

/** A command that the page offers now. Its button has the attribute `data-command` with its name. */
export interface Offered {
  readonly command: string;
  /** Why it cannot be given; undefined if it can be. */
  readonly blocked: string | undefined;
}

/** The buttons of the commands that a signal may mean now. */
export function buttonsFor(
  page: Document,
  signal: Signal,
  { afterTake }: Settings,
  commands: readonly Offered[],
): readonly HTMLElement[] {
  const possible = commands.filter(({ blocked }) => blocked === undefined).map(({ command }) => command);
  return meanings(signal, possible, afterTake).flatMap(
    (command) => page.querySelector<HTMLElement>(`[data-command="${command}"]`) ?? [],
  );
}

/**
 * The controls to highlight now: all of them, or those of the commands; those of a dialog that asks. While the settings are
 * open, only a person who highlights all controls uses them so: another one tries what they are setting.
 */
export function itemsNow(
  page: Document,
  settings: Settings,
  commands: readonly Offered[],
  isSetting: boolean,
): readonly HTMLElement[] {
  if (settings.way === "scan") return controlsIn(page);
  if (isSetting) return [];
  if (page.querySelector("dialog[open]")) return controlsIn(page);
  return buttonsFor(page, settings.way === "pose" ? "raise" : "press", settings, commands);
}
