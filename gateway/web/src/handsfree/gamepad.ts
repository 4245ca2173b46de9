import type { Edge } from "./presses";

type Pad = Pick<Gamepad, "index"> & { readonly buttons: readonly Pick<GamepadButton, "pressed">[] };

/** The buttons that are pressed on all gamepads, each with a name of its own. The browser has null for one that is gone. */
export function pressedButtons(pads: readonly (Pad | null)[]): readonly string[] {
  return pads.flatMap((pad) =>
    (pad?.buttons ?? []).flatMap(({ pressed }, number) => (pressed ? [`pad ${pad?.index} ${number}`] : [])),
  );
}

/** What has changed between two looks at the gamepads: the browser has no events for it. */
export function padEdges(before: readonly string[], now: readonly string[], atMs: number): readonly Edge[] {
  const up = before.filter((source) => !now.includes(source)).map((source) => ({ source, down: false, atMs }));
  const down = now.filter((source) => !before.includes(source)).map((source) => ({ source, down: true, atMs }));
  return [...up, ...down];
}
