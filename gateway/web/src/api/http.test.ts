import { answer, FakeServer, refusal, unreachable, type Asked } from "../test/server";
import { ApiError, failureOf } from "./failure";
import { createSend, json, socketUrl } from "./http";
import { TokenStore } from "./tokenStore";

const send = createSend(new TokenStore());

/** Never answers; ends when the request is aborted. */
function silent({ signal }: Asked): Promise<Response> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
}

test("JSON goes as JSON, and comes as JSON", async () => {
  const server = new FakeServer().on("POST /x", () => answer({ b: 2 }));
  expect(await json(await send("POST", "/x", { json: { a: 1 } }))).toEqual({ b: 2 });
  const [asked] = server.asked;
  expect(asked?.json).toEqual({ a: 1 });
  expect(asked?.headers.get("Content-Type")).toBe("application/json");
  expect(asked?.headers.has("Authorization")).toBe(false);
});

test("a refusal is thrown with its code, its status and a sentence", async () => {
  new FakeServer().on("GET /x", () => refusal(404, "unknown_session"));
  const error = await send("GET", "/x").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: "unknown_session", status: 404, sentence: expect.stringContaining("new one") });
});

test("a server that does not answer in time is given up", async () => {
  new FakeServer().on("GET /x", silent);
  await expect(send("GET", "/x", { timeoutMs: 5 })).rejects.toMatchObject({ code: "timeout", status: 0 });
});

test("no network is told apart from no answer", async () => {
  new FakeServer().on("GET /x", unreachable);
  await expect(send("GET", "/x")).rejects.toMatchObject({ code: "network_error", status: 0 });
});

test("who gives up is told so, not that the network failed", async () => {
  new FakeServer().on("GET /x", silent);
  const giveUp = new AbortController();
  const answered = send("GET", "/x", { signal: giveUp.signal });
  giveUp.abort();
  await expect(answered).rejects.toMatchObject({ name: "AbortError" });
});

test("an unexpected error becomes a failure that shows no internals", () => {
  expect(failureOf(new TypeError("x is undefined"))).toEqual({
    code: "page_error",
    sentence: expect.not.stringContaining("undefined"),
  });
});

test("a socket is on the server that the page came from", () => {
  expect(socketUrl("/ws/video/stream?pipeline_id=pose")).toBe("ws://localhost:3000/ws/video/stream?pipeline_id=pose");
});
