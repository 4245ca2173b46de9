import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";

import { failureOf, failureWith, mayHaveWorked, type Failure } from "../api/failure";
import { messageHeader } from "../api/header";
import { json } from "../api/http";
import type { SessionAnswer, SessionEndRequest, SessionStartRequest } from "../api/messages";
import { sentenceFor } from "../api/sentences";
import { useAccess } from "../api/token";
import { consentFields, type Consent } from "./consent";
import { remember, remembered, rememberedSession, rememberSession } from "./remembered";

/** The person in a session (`userId`), and the person who presses the buttons (`performerId`). */
export interface People {
  readonly userId: string;
  readonly performerId: string;
}

/** A session that is open as far as this page knows. */
export interface Session extends People {
  readonly sessionId: string;
  /** Undefined if an older version of the page started the session. */
  readonly consent?: Consent | undefined;
}

export interface SessionHandle {
  readonly session: Session | null;
  /** The people of the session that is open or being started; else those of the last one in this tab, or empty. */
  readonly people: People;
  /** `error` until the next action succeeds; a session may still be open. */
  readonly status: "idle" | "active" | "error";
  /** The request that is running. */
  readonly pending: "start" | "end" | null;
  readonly failure: Failure | null;
  /** Starts a session. Never throws. */
  readonly start: (userId: string, performerId: string, consent: Consent) => Promise<void>;
  /** Ends the session. Never throws; does nothing without a session. */
  readonly end: () => Promise<void>;
  /** Drops the session, because the server said that it has ended. The card shows `failure`, if it is not null. */
  readonly lose: (failure: Failure | null) => void;
  /** Forgets `failure`, and a request without an answer: the person has gone on. */
  readonly dismiss: () => void;
  /** After a reload, asks the server once whether the session is still open. Never throws. */
  readonly check: () => Promise<void>;
}

/** Refusals that say that the session has ended or is not valid. */
const OVER: ReadonlySet<string> = new Set(["session_closed", "session_invalid", "unknown_session", "wrong_user"]);

const SessionContext = createContext<SessionHandle | null>(null);

interface State {
  readonly session: Session | null;
  readonly people: People;
  readonly pending: "start" | "end" | null;
  readonly failure: Failure | null;
}

const IDLE = { session: null, pending: null, failure: null };

function atLoad(): State {
  const session = rememberedSession();
  const [userId = "", performerId = ""] = [remembered("people")[0], remembered("performers")[0]];
  return { ...IDLE, session, people: session ?? { userId, performerId } };
}

/** Keeps the session for all pages of this tab, also after a reload. It retries no request by itself. */
export function SessionProvider({ children }: { readonly children: ReactNode }) {
  const { send } = useAccess();
  const [state, setState] = useState<State>(atLoad);
  const unchecked = useRef(state.session);
  const busy = useRef(false);
  // The server may have processed a request whose answer was lost. If the person presses the button again, the page sends
  // the same request, and the server gives the same answer.
  const unanswered = useRef<SessionStartRequest | SessionEndRequest | null>(null);

  const post = useCallback(
    async <Request extends SessionStartRequest | SessionEndRequest>(
      path: string,
      request: Request,
    ): Promise<unknown> => {
      try {
        const answer = await json(await send("POST", path, { json: request }));
        unanswered.current = null;
        return answer;
      } catch (error) {
        unanswered.current = mayHaveWorked(error) ? request : null;
        throw error;
      }
    },
    [send],
  );

  const start = useCallback(
    async (userId: string, performerId: string, consent: Consent) => {
      if (busy.current) return;
      busy.current = true;
      const people = { userId, performerId };
      setState({ ...IDLE, people, pending: "start" });
      try {
        const fields = { ...messageHeader(userId, performerId), ...consentFields(consent) };
        const request = repeated(unanswered.current, fields) ?? fields;
        const answer = (await post("/session_manager/sessions.start", request)) as { session_id: string };
        remember("people", userId);
        remember("performers", performerId);
        setState({ ...IDLE, people, session: { sessionId: answer.session_id, ...people, consent } });
      } catch (error) {
        setState({ ...IDLE, people, failure: failureOf(error) });
      } finally {
        busy.current = false;
      }
    },
    [post],
  );

  const { session } = state;
  const end = useCallback(async () => {
    if (busy.current || !session) return;
    busy.current = true;
    setState({ ...IDLE, session, people: session, pending: "end" });
    try {
      const request = repeatedEnd(unanswered.current, session) ?? endRequest(session);
      await post("/session_manager/sessions.end", request);
      setState({ ...IDLE, people: session });
    } catch (error) {
      const failure = failureOf(error);
      setState({ ...IDLE, people: session, session: OVER.has(failure.code) ? null : session, failure });
    } finally {
      busy.current = false;
    }
  }, [post, session]);

  const lose = useCallback((failure: Failure | null) => setState(({ people }) => ({ ...IDLE, people, failure })), []);

  const dismiss = useCallback(() => {
    unanswered.current = null; // after a no, an earlier yes must not be sent again
    setState((before) => ({ ...before, failure: null }));
  }, []);

  useEffect(() => rememberSession(session), [session]);

  const check = useCallback(async () => {
    const asked = unchecked.current;
    unchecked.current = null;
    if (!asked) return;
    const known = { user_id: asked.userId, session_id: asked.sessionId };
    try {
      const { status } = await json<SessionAnswer>(
        await send("POST", "/session_manager/sessions.validate", { json: known }),
      );
      const code = `session_${status}`;
      if (status !== "active") lose(failureWith(code, () => sentenceFor(code)));
    } catch {
      // the next request that uses the session will show the failure
    }
  }, [lose, send]);

  const handle = useMemo<SessionHandle>(() => {
    const status = state.failure ? "error" : state.session ? "active" : "idle";
    return { ...state, status, start, end, lose, dismiss, check };
  }, [state, start, end, lose, dismiss, check]);

  return <SessionContext value={handle}>{children}</SessionContext>;
}

/** The session of this page, and the functions that change it. */
export function useSession(): SessionHandle {
  const handle = useContext(SessionContext);
  if (!handle) throw new Error("useSession needs a SessionProvider around it");
  return handle;
}

function endRequest({ sessionId, userId, performerId }: Session): SessionEndRequest {
  const header = messageHeader(userId, performerId);
  return { ...header, session_id: sessionId, end_time: header.timestamp };
}

/** The request of before, if it asked for the same as `fields`. */
function repeated(request: SessionStartRequest | SessionEndRequest | null, fields: SessionStartRequest) {
  if (request === null || request.session_id) return null;
  const { record_id, timestamp } = request;
  return JSON.stringify({ ...fields, record_id, timestamp }) === JSON.stringify(request) ? request : null;
}

function repeatedEnd(request: SessionStartRequest | SessionEndRequest | null, { sessionId }: Session) {
  return request?.session_id === sessionId ? (request as SessionEndRequest) : null;
}
