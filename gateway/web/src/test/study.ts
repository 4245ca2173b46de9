import type { Study, StudyProgress, StudyTake } from "../api/messages";
import { CONSENT } from "./server";

/** A study of two prompts, twice each. */
export function study(over: Partial<Study> = {}): Study {
  return {
    study: "daily-care",
    title: "Gestures of daily care",
    language: "en",
    consent: CONSENT,
    prompts: [
      { prompt: "drink", text: "Drink", intent: "Drink", picture: null, say: null },
      { prompt: "pain", text: "Something hurts", intent: "pain", picture: null, say: null },
    ],
    repetitions: 2,
    order: "given",
    seconds: 3,
    until_rest: false,
    break_every: null,
    read_aloud: false,
    good: { worst_verdict: "good", ignore: [], at_least: {}, at_most: {} },
    ...over,
  };
}

/** What the gateway says of a participant who has kept so many takes of the two prompts. */
export function progress(
  kept: readonly [drink: number, pain: number],
  takes: readonly StudyTake[] = [],
): StudyProgress {
  const left = [0, 1].flatMap((round) => ["drink", "pain"].filter((_, place) => (kept[place] ?? 0) <= round));
  return {
    study: "daily-care",
    user_id: "p07",
    wanted: 4,
    kept: kept[0] + kept[1],
    prompts: [
      { prompt: "drink", kept: kept[0] },
      { prompt: "pain", kept: kept[1] },
    ],
    remaining: left,
    takes: [...takes],
  };
}

export function take(capture: string, prompt: string, counts: boolean, over: Partial<StudyTake> = {}): StudyTake {
  return {
    capture_id: capture,
    session_id: "sess_0123456789abcdef",
    prompt,
    recorded_at: "2026-11-29T12:00:00.000Z",
    counts,
    faults: counts ? [] : ["no_hand"],
    review: null,
    relabelled: false,
    ...over,
  };
}
