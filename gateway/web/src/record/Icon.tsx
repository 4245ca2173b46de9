/** The signs of the controls, for people who do not read: each is one path in a box of 24 × 24. */
const PATHS = {
  goOn: "M5 12h13M12 5l7 7-7 7",
  start: "M8 5v14l11-7z",
  cancel: "M6 6l12 12M18 6L6 18",
  stop: "M6 6h12v12H6z",
  next: "M5 12h13M12 5l7 7-7 7",
  keep: "M5 13l5 5L20 7",
  again: "M19 12a7 7 0 1 1-2.1-5M19 4v4h-4",
  later: "M12 4a8 8 0 1 0 .01 0M12 8v4l3 2",
  rest: "M9 5v14M15 5v14",
  finish: "M6 21V4h11l-2 4 2 4H6",
  listen: "M4 10v4h4l5 4V6l-5 4zM16 9a4 4 0 0 1 0 6",
  face: "M12 4a8 8 0 1 0 .01 0M9 10v1M15 10v1M9 15c2 1.500 4 1.500 6 0",
  shoulders: "M12 3a3.500 3.500 0 1 0 .01 0M3 20c0-6 4-8 9-8s9 2 9 8",
  hands:
    "M8 13V6a1.500 1.500 0 0 1 3 0v5-7a1.500 1.500 0 0 1 3 0v7-5a1.500 1.500 0 0 1 3 0v9c0 4-2 6-5 6-4 0-5-3-7-7 1-1.500 2-1 3 .500",
  light: "M12 8a4 4 0 1 0 .01 0M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1 1M18 18l1 1M5 19l1-1M18 6l1-1",
} as const;

export type IconName = keyof typeof PATHS;

const FILLED: ReadonlySet<IconName> = new Set(["start", "stop"]);

/** A sign beside a text that says the same. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className={FILLED.has(name) ? "icon icon-filled" : "icon"} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
