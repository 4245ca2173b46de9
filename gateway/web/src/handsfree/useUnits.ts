import { useWords } from "../words";
import type { NumberName, NUMBERS } from "./settings";

type Unit = (typeof NUMBERS)[NumberName]["unit"];

/** A function for each unit, that says a number with it in the pages' language. */
export function useUnits(): Readonly<Record<Unit, (value: number) => string>> {
  const { seconds, shoulders } = useWords().handsfree;
  return { ms: seconds, shoulders };
}
