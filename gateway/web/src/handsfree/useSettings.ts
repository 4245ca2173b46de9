import { setQuery, useQuery } from "../navigation";
import { readSettings, writeSettings, type Settings } from "./settings";

/** The settings in the address, so that a reload and a link keep them, and no server and no browser stores them. */
export function useSettings(): readonly [Settings, change: (settings: Settings) => void] {
  const query = useQuery();
  return [readSettings(query), (settings) => setQuery(writeSettings(window.location.search, settings), true)];
}
