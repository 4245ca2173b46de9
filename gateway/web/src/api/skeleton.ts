import constants from "./constants.json";

export type Part = "pose" | "left_hand" | "right_hand" | "face";

/** Two landmarks of one part, by number. */
export type Connection = readonly [from: number, to: number];

export const PARTS: readonly Part[] = ["pose", "left_hand", "right_hand", "face"];

/** The lines to draw between the landmarks of a part, as MediaPipe defines them. */
export const CONNECTIONS = constants.connections as unknown as Readonly<Record<Part, readonly Connection[]>>;
