import type { CaptureMotion } from "../api/messages";
import type { LibraryApi } from "./api";

/** To begin a request takes a browser a tenth of a frame, and these begin at once. */
const AT_ONCE = 2;
const MOST_KEPT = 300;

interface Request {
  readonly captureId: string;
  readonly signal: AbortSignal;
  readonly answer: (motion: CaptureMotion | null) => void;
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

  /** The movement of a capture; null if the server cannot give it, or if the signal is aborted. Never throws. */
  load(captureId: string, signal: AbortSignal): Promise<CaptureMotion | null> {
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
    const motion = await this.#fetch(request);
    this.#running -= 1;
    request.answer(motion);
    this.#start();
  }

  async #fetch({ captureId, signal }: Request): Promise<CaptureMotion | null> {
    if (signal.aborted) return null; // scrolled past
    try {
      const motion = await this.#api.motion(captureId, "thumbnail", signal);
      this.#keep(captureId, motion);
      return motion;
    } catch {
      return null; // the picture says so
    }
  }

  #keep(captureId: string, motion: CaptureMotion): void {
    this.#kept.set(captureId, motion);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}
