import type { ConsentStatement, SessionStartRequest } from "../api/messages";
import { words } from "../words";

export type GivenBy = ConsentStatement["given_by"];

/** A yes: the hash of the text that was shown, and who answered. */
export interface Yes {
  readonly text: string;
  readonly givenBy: GivenBy;
}

/** What a session is started with; null if the person went on without an answer. A no starts no session. */
export type Consent = Yes | null;

/** Who may answer, in the order of the question. */
export const WHO: readonly GivenBy[] = ["self", "guardian", "other"];

/** The fields of a session's start that say it. */
export function consentFields(consent: Consent): Pick<SessionStartRequest, "consent_given" | "consent"> {
  if (consent === null) return {};
  return { consent_given: true, consent: { text: consent.text, given_by: consent.givenBy } };
}

/** What the page shows of it while the session is open. */
export function consentLine(consent: Consent): string {
  return words().session.said[consent?.givenBy ?? "nothing"];
}

/** The consent in a value that was stored; undefined if it is none. */
export function readConsent(kept: unknown): Consent | undefined {
  if (kept === null) return null;
  const { text, givenBy } = (kept ?? {}) as Partial<Record<keyof Yes, unknown>>;
  const who = WHO.find((each) => each === givenBy);
  return who && typeof text === "string" ? { text, givenBy: who } : undefined;
}
