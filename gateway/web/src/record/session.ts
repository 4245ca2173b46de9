import type { Study } from "../api/messages";
import type { Session } from "../session/useSession";
import type { Sitting } from "./address";

/**
 * Whether takes of this study may go into an open session: it is the participant's, and they said yes to this study's
 * text. Without an answer they said no to none, and the gateway decides what it records.
 */
export function sessionFits(session: Session, { user }: Sitting, { consent }: Study): boolean {
  if (session.userId !== user || session.consent === undefined) return false;
  return session.consent === null || session.consent.text === consent.hash;
}
