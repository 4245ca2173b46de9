import { expect, test, vi } from "vitest";

import { allowSignals, playSignal } from "./signals";
import { signalFor } from "./useSignals";

test("recording begins and ends with a signal, and nothing else has one", () => {
  expect(signalFor("counting", "recording")).toBe("start");
  expect(signalFor("recording", "closing")).toBe("end");
  expect(signalFor("recording", "failed")).toBe("failed");
  expect(signalFor(null, "opening")).toBeNull();
  expect(signalFor("counting", "failed")).toBeNull();
  expect(signalFor("settling", "recorded")).toBeNull();
  expect(signalFor("recording", "recording")).toBeNull();
});

test("a device that can neither sound nor vibrate is no failure", () => {
  expect(() => {
    allowSignals();
    playSignal("start");
  }).not.toThrow();
});

test("a phone vibrates, and a tone is played", () => {
  const vibrate = vi.fn<(pattern: number[]) => boolean>();
  Object.assign(navigator, { vibrate });
  const started = vi.fn<(atS: number) => void>();
  const node = { connect: (to: unknown) => to, start: started, stop: () => undefined, frequency: { value: 0 } };
  const gain = { setValueAtTime: () => undefined, exponentialRampToValueAtTime: () => undefined };
  vi.stubGlobal(
    "AudioContext",
    class {
      readonly state = "running";
      readonly currentTime = 5;
      readonly destination = {};
      readonly resume = () => Promise.resolve();
      readonly createOscillator = () => node;
      readonly createGain = () => ({ ...node, gain });
    },
  );
  allowSignals();
  playSignal("end");
  expect(vibrate).toHaveBeenCalledWith([100, 80, 100]);
  expect(started).toHaveBeenCalledTimes(2);
  Object.assign(navigator, { vibrate: undefined });
});
