import { at } from "../base";
import { deadline } from "./deadline";
import { ApiError } from "./failure";

export interface RequestOptions {
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent unchanged, for example a form. */
  readonly body?: BodyInit;
  readonly signal?: AbortSignal;
  /** How long the answer may take, in milliseconds. The server itself waits up to 5 s for the recorder. */
  readonly timeoutMs?: number;
}

/**
 * Sends one request to the gateway. After a 401 it asks the person for the token and sends the request again; it repeats
 * nothing else, because a repeated POST could have a second effect.
 * @throws ApiError if the server refuses or does not answer; the signal's own reason if the caller aborted the request.
 */
export type Send = (method: "GET" | "POST", path: string, options?: RequestOptions) => Promise<Response>;

/** Where the token comes from. */
export interface TokenSource {
  /** The token, if the page has one. */
  token(): string | null;
  /** Asks the person for a token. The server refused the token `refused` with the code `refusal`. Null if they cancel. */
  ask(refused: string | null, refusal: string): Promise<string | null>;
}

const ANSWER_WITHIN_MS = 15_000;

export function createSend(tokens: TokenSource): Send {
  return async function send(method, path, options = {}) {
    let token = tokens.token();
    let answer = await once(method, path, options, token);
    while (answer.status === 401) {
      token = await tokens.ask(token, (await refusalOf(answer)).code);
      if (token === null) throw new ApiError("token_required", 401);
      answer = await once(method, path, options, token);
    }
    if (!answer.ok) throw await refusalOf(answer);
    return answer;
  };
}

/** The JSON document of an answer. */
export async function json<T>(answer: Response): Promise<T> {
  try {
    return (await answer.json()) as T;
  } catch {
    throw new ApiError("unexpected_answer", answer.status);
  }
}

/** The subprotocols to offer on a WebSocket, which cannot carry an Authorization header. */
export function subprotocols(token: string | null): string[] {
  return token === null ? [] : [`bearer.${token}`];
}

/** The address of a WebSocket on the server that this page came from. */
export function socketUrl(path: string): string {
  const url = new URL(at(path), window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** Sends a request once, with this token. */
export async function once(
  method: string,
  path: string,
  options: RequestOptions,
  token: string | null,
): Promise<Response> {
  const headers = new Headers();
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  if (options.json !== undefined) headers.set("Content-Type", "application/json");
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  const limit = deadline(options.timeoutMs ?? ANSWER_WITHIN_MS, options.signal);
  const request: RequestInit = {
    method,
    headers,
    signal: limit.signal,
    cache: "no-store",
    ...(body === undefined ? {} : { body }),
  };
  try {
    return await fetch(at(path), request);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(limit.isOver() ? "timeout" : "network_error");
  }
}

/** What the server's answer says is wrong. */
export async function refusalOf(answer: Response): Promise<ApiError> {
  try {
    const { error, detail } = (await answer.json()) as { error?: unknown; detail?: unknown };
    if (typeof error === "string") return new ApiError(error, answer.status, typeof detail === "string" ? detail : "");
  } catch {
    // the answer does not come from the gateway, but for example from a proxy
  }
  return new ApiError("unexpected_answer", answer.status);
}
