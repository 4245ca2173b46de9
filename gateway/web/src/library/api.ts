import { newRecordId } from "../api/header";
import { json, type Send } from "../api/http";
import type {
  Appended,
  CaptureMotion,
  LibraryCapture as SentCapture,
  LibraryCaptureWithHistory as SentCaptureWithHistory,
  LibraryPage as SentPage,
  LibrarySummary,
  Quality,
  ReviewRequest,
  Withdrawn,
} from "../api/messages";
import { useAccess } from "../api/token";
import { parametersOf, type Filters } from "./query";

/** A recorded capture. Of the quality, only the verdict is certain: a later server may say the rest in another form. */
export interface LibraryCapture extends Omit<SentCapture, "quality"> {
  readonly quality: (Partial<Quality> & Pick<Quality, "verdict">) | null;
}

export type LibraryCaptureWithHistory = LibraryCapture & Pick<SentCaptureWithHistory, "history">;
export type HistoryEntry = SentCaptureWithHistory["history"][number];

export interface LibraryPage extends Omit<SentPage, "captures"> {
  readonly captures: readonly LibraryCapture[];
}

export type Verdict = NonNullable<ReviewRequest["verdict"]>;

/** Which capture a statement is about. */
export type CaptureKey = Pick<LibraryCapture, "capture_id" | "session_id" | "user_id">;

/** The address of a capture's page. With the query of a list, the page knows which capture is the next one. */
export function addressOf({ capture_id }: Pick<LibraryCapture, "capture_id">, query = ""): string {
  return `/library/capture/${encodeURIComponent(capture_id)}${query}`;
}

/** The address of the page that a person can be given: what is kept of them. */
export function addressOfPerson(userId: string): string {
  return `/library/person/${encodeURIComponent(userId)}`;
}

/** Which person a withdrawal is about. */
export type PersonKey = Pick<LibraryCapture, "user_id">;

export interface StatementOptions {
  /** The person who acts. */
  readonly performerId: string;
  /** The id of the statement. Send the same one again if an answer was lost: the server adds the statement only once. */
  readonly recordId?: string;
  readonly signal?: AbortSignal;
}

/** How many captures one request may return. */
export const MOST_A_PAGE = 500;

/** The requests of the library. All throw an `ApiError`. */
export interface LibraryApi {
  /** One page of captures, the newest first. */
  captures(filters: Filters, page?: { cursor?: string; limit?: number; signal?: AbortSignal }): Promise<LibraryPage>;
  capture(captureId: string, signal?: AbortSignal): Promise<LibraryCaptureWithHistory>;
  summary(signal?: AbortSignal): Promise<LibrarySummary>;
  /** The landmarks of a capture in motion: few for a small picture, or all. */
  motion(captureId: string, detail: CaptureMotion["detail"], signal?: AbortSignal): Promise<CaptureMotion>;
  /** Says what a person thinks of the capture; null takes the verdict back. */
  review(
    capture: CaptureKey,
    verdict: Verdict | null,
    options: StatementOptions & { reason?: string },
  ): Promise<Appended>;
  /** Changes the label; null takes the last change back. */
  relabel(capture: CaptureKey, intent: string | null, options: StatementOptions): Promise<Appended>;
  /** Says that the capture shows another person. */
  reassign(capture: CaptureKey, participant: string, options: StatementOptions): Promise<Appended>;
  /** Withdraws the consent to one capture, or to all that shows a person; with `erase` the server removes the files too. */
  withdraw(what: CaptureKey | PersonKey, options: StatementOptions & { erase: boolean }): Promise<Withdrawn>;
}

export function libraryApi(send: Send): LibraryApi {
  const get = async <T>(path: string, signal?: AbortSignal) =>
    json<T>(await send("GET", path, signal === undefined ? {} : { signal }));

  async function say<Answer = Appended>(
    kind: string,
    what: Partial<CaptureKey>,
    { performerId, recordId = newRecordId(), signal }: StatementOptions,
    said: Readonly<Record<string, unknown>>,
  ): Promise<Answer> {
    const { user_id, session_id, capture_id } = what;
    const request = { record_id: recordId, performer_id: performerId, user_id, session_id, capture_id, ...said };
    const options = { json: request, ...(signal === undefined ? {} : { signal }) };
    return json<Answer>(await send("POST", `/library/${kind}`, options));
  }

  return {
    captures(filters, { cursor, limit, signal } = {}) {
      const parameters = parametersOf(filters);
      if (cursor !== undefined) parameters.set("cursor", cursor);
      if (limit !== undefined) parameters.set("limit", String(limit));
      const query = parameters.toString();
      return get<LibraryPage>(`/library/captures${query && `?${query}`}`, signal);
    },
    capture: (captureId, signal) => get(`/library/captures/${encodeURIComponent(captureId)}`, signal),
    motion: (captureId, detail, signal) =>
      get(`/library/captures/${encodeURIComponent(captureId)}/motion?detail=${detail}`, signal),
    summary: (signal) => get("/library/summary", signal),
    review: (capture, verdict, options) => say("review", capture, options, { verdict, reason: options.reason }),
    relabel: (capture, intent, options) => say("relabel", capture, options, { intent }),
    reassign: (capture, participant, options) => say("reassign", capture, options, { participant }),
    withdraw: (what, options) => say<Withdrawn>("withdraw", what, options, { erase: options.erase }),
  };
}

const APIS = new WeakMap<Send, LibraryApi>();

/** The library's requests, with the token of this page; the same object in every component. */
export function useLibraryApi(): LibraryApi {
  const { send } = useAccess();
  const api = APIS.get(send) ?? libraryApi(send);
  APIS.set(send, api);
  return api;
}
