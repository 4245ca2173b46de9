import { json, type Send } from "../api/http";
import type { Study, StudyList, StudyProgress } from "../api/messages";
import type { Sitting } from "./address";

/** A study, and how far its participant is. */
export interface Loaded {
  readonly study: Study;
  readonly progress: StudyProgress;
}

/** The requests about studies. They throw an `ApiError`. */
export async function askStudies(send: Send): Promise<StudyList> {
  return json<StudyList>(await send("GET", "/studies"));
}

export async function askSitting(send: Send, sitting: Sitting): Promise<Loaded> {
  const [study, progress] = await Promise.all([askStudy(send, sitting.study), askProgress(send, sitting)]);
  return { study, progress };
}

async function askStudy(send: Send, study: string): Promise<Study> {
  return json<Study>(await send("GET", `/studies/${encodeURIComponent(study)}`));
}

export async function askProgress(send: Send, { study, user }: Sitting): Promise<StudyProgress> {
  const query = new URLSearchParams({ user_id: user }).toString();
  return json<StudyProgress>(await send("GET", `/studies/${encodeURIComponent(study)}/progress?${query}`));
}
