import type { ConsentStatement, SessionStartRequest } from "../api/messages";

export type GivenBy = ConsentStatement["given_by"];

/** A yes: the hash of the text that was shown, and who answered. */
export interface Yes {
  readonly text: string;
  readonly givenBy: GivenBy;
}

/** What a session is started with; null if the person went on without an answer. A no starts no session. */
export type Consent = Yes | null;

/** Who may answer, in the words of the question. */
export const WHO: readonly { readonly givenBy: GivenBy; readonly words: string }[] = [
  { givenBy: "self", words: "The person who is recorded" },
  { givenBy: "guardian", words: "A parent or guardian, for that person" },
  { givenBy: "other", words: "Another person, for that person" },
];

/** The fields of a session's start that say it. */
export function consentFields(consent: Consent): Pick<SessionStartRequest, "consent_given" | "consent"> {
  if (consent === null) return {};
  return { consent_given: true, consent: { text: consent.text, given_by: consent.givenBy } };
}

/** What the page shows of it while the session is open. */
export function consentLine(consent: Consent): string {
  if (consent === null)
    return "no answer. The recordings are kept, but exports leave them out unless the study includes them on purpose.";
  const by = { self: "the person who is recorded", guardian: "a parent or guardian", other: "another person" };
  return `yes, said by ${by[consent.givenBy]}.`;
}

/** The consent in a value that was stored; undefined if it is none. */
export function readConsent(kept: unknown): Consent | undefined {
  if (kept === null) return null;
  const { text, givenBy } = (kept ?? {}) as Partial<Record<keyof Yes, unknown>>;
  const who = WHO.find((each) => each.givenBy === givenBy);
  return who && typeof text === "string" ? { text, givenBy: who.givenBy } : undefined;
}
