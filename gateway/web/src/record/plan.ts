import type { PromptProgress, Study, StudyProgress, StudyPrompt, StudyTake } from "../api/messages";

/** What the person said about takes in this sitting, by capture id. The server may not have it yet. */
export type Decisions = ReadonlyMap<string, "keep" | "redo">;

/** How many takes of one prompt are kept, of how many. */
export interface MeaningProgress {
  readonly prompt: StudyPrompt;
  readonly kept: number;
  readonly wanted: number;
}

/** The progress as it will be when the server has every decision. */
export function withDecisions(study: Study, progress: StudyProgress, decisions: Decisions): StudyProgress {
  return progress.takes.reduce((before, take) => {
    const counts = decisions.has(take.capture_id) ? decisions.get(take.capture_id) === "keep" : take.counts;
    if (counts === take.counts || take.relabelled) return before;
    return counted(study, before, take, counts);
  }, progress);
}

/** The progress after one take counts, or counts no more. */
function counted(study: Study, progress: StudyProgress, { capture_id, prompt }: StudyTake, counts: boolean) {
  const takes = progress.takes.map((take) => (take.capture_id === capture_id ? { ...take, counts } : take));
  const step = counts ? 1 : -1;
  const prompts = progress.prompts.map((each) =>
    each.prompt === prompt ? { ...each, kept: Math.max(0, each.kept + step) } : each,
  );
  const kept = keptOf(prompts, prompt);
  return {
    ...progress,
    takes,
    prompts,
    kept: Math.max(0, progress.kept + step),
    remaining: withCount(progress.remaining, prompt, Math.max(0, study.repetitions - kept)),
  };
}

function keptOf(prompts: readonly PromptProgress[], prompt: string): number {
  return prompts.reduce((sum, each) => sum + (each.prompt === prompt ? each.kept : 0), 0);
}

/** The list with a prompt so many times: its first ones are done first, and one that is needed again comes first. */
function withCount(remaining: readonly string[], prompt: string, wanted: number): string[] {
  const has = remaining.filter((each) => each === prompt).length;
  const more = Array.from({ length: Math.max(0, wanted - has) }, () => prompt);
  let drop = Math.max(0, has - wanted);
  return [...more, ...remaining.filter((each) => each !== prompt || (drop -= 1) < 0)];
}

/** The prompt of the next take; empty if the study is done. Those that are put off come after all others. */
export function nextPrompt({ remaining }: StudyProgress, putOff: ReadonlySet<string>): string {
  return remaining.find((prompt) => !putOff.has(prompt)) ?? remaining[0] ?? "";
}

/** How many of the wanted takes are done, in all. Takes beyond those that the study asks for do not count. */
export function doneInAll({ wanted, remaining }: StudyProgress): number {
  return wanted - remaining.length;
}

/** How many takes are kept of each meaning, in the order of the study. */
export function meanings(study: Study, progress: StudyProgress): readonly MeaningProgress[] {
  return study.prompts.map((prompt) => meaningOf(study, progress, prompt));
}

/** The same of one prompt. */
export function meaningOf(study: Study, { prompts }: StudyProgress, prompt: StudyPrompt): MeaningProgress {
  const wanted = study.repetitions;
  return { prompt, kept: Math.min(wanted, keptOf(prompts, prompt.prompt)), wanted };
}

/** A prompt by its id. One that was added to the study after this page was loaded is shown by its id. */
export function promptOf({ prompts }: Study, id: string): StudyPrompt {
  return prompts.find(({ prompt }) => prompt === id) ?? { prompt: id, text: id, intent: id, picture: null, say: null };
}

/** Whether the person has recorded so many takes that the study wants them to rest. */
export function breakDue({ break_every: every }: Study, takes: number): boolean {
  return every !== null && takes >= every;
}
