import { vi } from "vitest";

/** A call on a canvas, such as `["fillText", "Face", 1, 2]`. */
export type Drawn = readonly [name: string, ...given: unknown[]];

/** A fake drawing surface that records all calls and colours. Every letter is 7 pixels wide. */
export function recordingContext(): { context: CanvasRenderingContext2D; drawn: Drawn[]; texts: () => unknown[] } {
  const drawn: Drawn[] = [];
  const own: Record<string | symbol, unknown> = {
    measureText: (text: string) => ({ width: 7 * text.length }),
  };
  const context = new Proxy(own, {
    get: (target, name) => target[name] ?? ((...given: unknown[]) => void drawn.push([String(name), ...given])),
    set: (target, name, value) => {
      target[name] = value;
      drawn.push([`${String(name)} =`, value]);
      return true;
    },
  }) as unknown as CanvasRenderingContext2D;
  return { context, drawn, texts: () => drawn.filter(([name]) => name === "fillText").map(([, text]) => text) };
}

/** Gives every canvas a recording surface and a size of `width` × `height` CSS pixels. */
export function installDrawing(width = 320, height = 240) {
  const recording = recordingContext();
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(recording.context as never);
  vi.spyOn(HTMLCanvasElement.prototype, "clientWidth", "get").mockReturnValue(width);
  vi.spyOn(HTMLCanvasElement.prototype, "clientHeight", "get").mockReturnValue(height);
  return recording;
}
