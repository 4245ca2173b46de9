import type { Camera } from "../camera/useCamera";
import { canStop, type CaptureState } from "../capture/protocol";
import { commandsIn, type Command, type Flow } from "./flow";

/** Every command by its name, for buttons, switches and gestures. */
export type Commands = Readonly<Record<Command, () => void>>;

/** Why a command cannot be given now. */
export type Block = "camera" | "muted" | "beginning" | "short";

/** A command that the page offers now. */
export interface Control {
  readonly command: Command;
  /** Undefined if it can be given. */
  readonly blocked: Block | undefined;
}

/** What the commands depend on, besides the flow. */
export interface Circumstances {
  readonly camera: Pick<Camera, "status" | "muted">;
  /** Whether the page is asking the server if a capture can begin. */
  readonly beginning: boolean;
  readonly capture: CaptureState | null;
}

export const COMMANDS: readonly Command[] = [
  "goOn",
  "start",
  "cancel",
  "stop",
  "next",
  "keep",
  "again",
  "later",
  "rest",
  "finish",
];

/** The commands of the flow's step, the one that most people want first, and why some of them must wait. */
export function controlsOf(flow: Flow, now: Circumstances): readonly Control[] {
  return commandsIn(flow).map((command) => ({ command, blocked: blockOf(flow, command, now) }));
}

function blockOf({ step, captureId }: Flow, command: Command, { camera, beginning, capture }: Circumstances) {
  const records = command === "start" || (command === "again" && (step === "verdict" || captureId === ""));
  if (records && camera.status !== "ready") return "camera";
  if (records && camera.muted) return "muted";
  if (command === "stop" && !(capture && canStop(capture))) return "short";
  return command === "cancel" && beginning ? "beginning" : undefined;
}
