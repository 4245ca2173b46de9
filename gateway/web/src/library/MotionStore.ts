import { mayHaveWorked } from "../api/failure";
import type { CaptureMotion } from "../api/messages";
import type { LibraryApi } from "./api";

/** To begin a request takes a browser a tenth of a frame, and these begin at once. */
const AT_ONCE = 2;
const MOST_KEPT = 300;

/** `absent`: the server has no movement of the capture. `later`: no answer could be had now. */
export type MotionAnswer = CaptureMotion | "absent" | "later";

interface Request {
  readonly captureId: string;
  readonly signal: AbortSignal;
  readonly answer: (answer: MotionAnswer) => void;
}

/** Loads the movements of captures for small pictures, a few at once, and keeps the last ones. */
export class MotionStore {
  readonly #api: Pick<LibraryApi, "motion">;
  readonly #kept = new Map<string, CaptureMotion>();
  readonly #waiting: Request[] = [];
  #running = 0;

  constructor(api: Pick<LibraryApi, "motion">) {
    this.#api = api;
  }

  /** The movement of a capture, if it is loaded. */
  kept(captureId: string): CaptureMotion | null {
    return this.#kept.get(captureId) ?? null;
  }

  /** The movement of a capture; `later` too if the signal is aborted. Never throws. */
  load(captureId: string, signal: AbortSignal): Promise<MotionAnswer> {
    return new Promise((answer) => {
      this.#waiting.push({ captureId, signal, answer });
      this.#start();
    });
  }

  #start(): void {
    while (this.#running < AT_ONCE) {
      const request = this.#waiting.shift();
      if (!request) return;
      void this.#answer(request);
    }
  }

  async #answer(request: Request): Promise<void> {
    this.#running += 1;
    const answer = await this.#fetch(request);
    this.#running -= 1;
    request.answer(answer);
    this.#start();
  }

  async #fetch({ captureId, signal }: Request): Promise<MotionAnswer> {
    if (signal.aborted) return "later"; // scrolled past
    try {
      const motion = await this.#api.motion(captureId, "thumbnail", signal);
      this.#keep(captureId, motion);
      return motion;
    } catch (error) {
      return mayHaveWorked(error) ? "later" : "absent";
    }
  }

  #keep(captureId: string, motion: CaptureMotion): void {
    this.#kept.set(captureId, motion);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}
