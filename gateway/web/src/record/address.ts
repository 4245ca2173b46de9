import { isIdentifier } from "../api/header";

/** What the address says: `/record?study=daily-care&user=p07`. It is all that a reload needs. */
export interface Sitting {
  readonly study: string;
  /** The participant's code. */
  readonly user: string;
  /** The code of the person who helps; the participant's own if they need no help. */
  readonly helper: string;
}

/** The sitting in the query part of an address; null if it names none. */
export function sittingIn(query: string): Sitting | null {
  const parameters = new URLSearchParams(query);
  const [study, user] = [parameters.get("study") ?? "", parameters.get("user") ?? ""];
  if (!isIdentifier(study) || !isIdentifier(user)) return null;
  const helper = parameters.get("helper") ?? "";
  return { study, user, helper: isIdentifier(helper) ? helper : user };
}

/** The study that an address names, which may have no person yet: a link to a study. */
export function studyIn(query: string): string | null {
  return new URLSearchParams(query).get("study");
}

/** The query part for a sitting. */
export function queryOf({ study, user, helper }: Sitting): string {
  const parameters = new URLSearchParams({ study, user, ...(helper === user ? {} : { helper }) });
  return `?${parameters.toString()}`;
}
