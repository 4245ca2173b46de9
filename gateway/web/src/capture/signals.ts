/** A short sound and a vibration when a capture begins and ends, because the carer looks at the person, not at the page. */
export type Signal = "start" | "end" | "failed";

const TONES: Readonly<Record<Signal, readonly number[]>> = { start: [880], end: [880, 660], failed: [330, 330] };
const TONE_S = 0.15;
const VIBRATIONS: Readonly<Record<Signal, number[]>> = { start: [150], end: [100, 80, 100], failed: [300, 100, 300] };

let audio: AudioContext | null = null;

/** Enables sound. Browsers allow sound only after the person has pressed something, so call this in a press handler. */
export function allowSignals(): void {
  if (typeof AudioContext === "undefined") return;
  audio ??= new AudioContext();
  void audio.resume().catch(() => undefined);
}

export function playSignal(signal: Signal): void {
  navigator.vibrate?.(VIBRATIONS[signal]);
  TONES[signal].forEach((frequency, place) => sound(frequency, place * 1.3 * TONE_S));
}

function sound(frequency: number, afterS: number): void {
  if (audio?.state !== "running") return;
  const startS = audio.currentTime + afterS;
  const oscillator = audio.createOscillator();
  const volume = audio.createGain();
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(0.2, startS);
  volume.gain.exponentialRampToValueAtTime(0.001, startS + TONE_S);
  oscillator.connect(volume).connect(audio.destination);
  oscillator.start(startS);
  oscillator.stop(startS + TONE_S);
}
