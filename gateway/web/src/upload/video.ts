import { ApiError, failureOf, type Failure } from "../api/failure";
import { messageHeader, newRecordId } from "../api/header";
import type { Send } from "../api/http";
import { at } from "../base";
import type { Session } from "../session/useSession";
import { uploadFailure, uploadFailureOf } from "./failures";

export const SUBMIT = "/video/submit";
const PROBE = "/camera_feed_worker/limits";
export const MAX_BYTES = 200 * 1024 * 1024;

/** The types that a file dialog offers. */
export const ACCEPT = "video/mp4,video/quicktime,video/webm,video/x-matroska,video/3gpp,.mp4,.m4v,.mov,.webm,.mkv,.3gp";
const TYPES = /^video\/(mp4|quicktime|webm|x-matroska|matroska|3gpp|x-m4v)$/;
const NAMES = /\.(mp4|m4v|mov|webm|mkv|3gp)$/i;

/** The server's answer to an upload. */
export interface Submitted {
  readonly job_id: string;
  readonly capture_id: string;
}

/** The server's answer to a request for a job's status. */
export interface JobStatus {
  readonly status: "queued" | "running" | "done" | "failed";
  /** 0 to 1. */
  readonly progress: number;
  readonly error?: string | null;
}

/** Why a file cannot be uploaded; null if the page finds no reason. */
export function fileFailure(file: File): Failure | null {
  if (file.size === 0) return uploadFailure("empty_file");
  if (!TYPES.test(file.type) && !NAMES.test(file.name)) return uploadFailure("not_a_video");
  return file.size > MAX_BYTES ? uploadFailure("file_too_large") : null;
}

/** The form to send. The file comes last, after the fields with the ids. */
export function videoForm(file: File, session: Session, intent: string): FormData {
  const form = new FormData();
  form.set("user_id", session.userId);
  form.set("session_id", session.sessionId);
  form.set("record_id", messageHeader(session.userId, session.performerId).record_id);
  form.set("capture_id", newRecordId());
  if (intent) form.set("intent", intent);
  form.set("file", file, file.name);
  return form;
}

/** Whether the server accepts videos: one that has the route for limits does. This asks for the token if it is needed. */
export async function takesVideos(send: Send, signal: AbortSignal): Promise<boolean> {
  try {
    await send("GET", PROBE, { signal });
    return true;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0 || error.status === 401) throw error;
    return error.status !== 404;
  }
}

export interface PostOptions {
  readonly token: string | null;
  /** Called with the share of the form that was sent, 0 to 1. */
  readonly onProgress: (share: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Posts a form once. It uses XMLHttpRequest, because `fetch` does not report how much was sent.
 * @throws ApiError if the server refuses or does not answer; with `upload_cancelled` if the signal aborted.
 */
export function postForm(path: string, form: FormData, { token, onProgress, signal }: PostOptions): Promise<Submitted> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", at(path));
    if (token !== null) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0));
    request.addEventListener("load", () => {
      const answer = submitted(request);
      if (answer instanceof ApiError) reject(answer);
      else resolve(answer);
    });
    request.addEventListener("error", () => reject(new ApiError("upload_lost")));
    request.addEventListener("abort", () => reject(new ApiError("upload_cancelled")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

function submitted(request: XMLHttpRequest): Submitted | ApiError {
  const { status, responseText } = request;
  let document: Partial<Submitted & { error: string; detail: string }>;
  try {
    document = (JSON.parse(responseText) ?? {}) as typeof document;
  } catch {
    return new ApiError("unexpected_answer", status);
  }
  const { job_id, capture_id, error, detail } = document;
  if (status >= 200 && status < 300 && job_id && capture_id) return { job_id, capture_id };
  const retryAfterS = Number.parseInt(request.getResponseHeader("Retry-After") ?? "", 10) || 0;
  return new ApiError(error ?? "unexpected_answer", status, detail ?? "", retryAfterS);
}

/** Whether the server may have received the upload although its answer is missing or comes from a proxy. */
export function mayHaveArrived(error: unknown): boolean {
  return error instanceof ApiError && (error.code === "upload_lost" || error.status === 502 || error.status === 504);
}

/** The failure to show for an error that an upload threw. */
export function thrownFailure(error: unknown): Failure {
  if (!(error instanceof ApiError)) return failureOf(error);
  if (error.code === "upload_lost" || error.code === "upload_cancelled") return uploadFailure(error.code);
  return error.status === 404 && error.code === "not_found"
    ? uploadFailure("upload_unavailable")
    : uploadFailureOf(error);
}
