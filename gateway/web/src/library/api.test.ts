import { addressOf, libraryApi } from "./api";
import { createSend } from "../api/http";
import { recorded, serveLibrary } from "../test/library";
import { answer } from "../test/server";

const api = () => libraryApi(createSend({ token: () => null, ask: async () => null }));

test("requests have the names of the server's contract", async () => {
  const server = serveLibrary([recorded(1)])
    .on("GET /library/captures/c1", () => answer({ ...recorded(1), history: [] }))
    .on("GET /library/captures/c1/motion?detail=full", () => answer({}));
  const { signal } = new AbortController();
  await api().captures({ label: "more" }, { limit: 1, cursor: "0", signal });
  await api().captures({});
  await api().capture("c1");
  await api().summary(signal);
  await api().motion("c1", "full");
  expect(server.asked.map(({ path }) => path)).toEqual([
    "/library/captures?label=more&cursor=0&limit=1",
    "/library/captures",
    "/library/captures/c1",
    "/library/summary",
    "/library/captures/c1/motion?detail=full",
  ]);
});

test("a statement says who, about what, and has the id that it is repeated with", async () => {
  const server = serveLibrary([recorded(1)]);
  const options = { performerId: "bea", recordId: "r1", signal: new AbortController().signal };
  const key = { user_id: "u1", session_id: "sess_0123456789abcdef", capture_id: "c1" };
  await api().review(recorded(1), "redo", { ...options, reason: "dark" });
  await api().relabel(recorded(1), null, options);
  await api().reassign(recorded(1), "u2", options);
  await api().withdraw({ user_id: "u1" }, { ...options, erase: true });
  await api().review(recorded(1), null, { performerId: "bea" });
  const base = { record_id: "r1", performer_id: "bea" };
  expect(server.asked.slice(0, 4).map(({ path, json }) => [path, json])).toEqual([
    ["/library/review", { ...base, ...key, verdict: "redo", reason: "dark" }],
    ["/library/relabel", { ...base, ...key, intent: null }],
    ["/library/reassign", { ...base, ...key, participant: "u2" }],
    ["/library/withdraw", { ...base, user_id: "u1", erase: true }],
  ]);
  expect(server.asked[4]?.json).toMatchObject({ record_id: expect.stringMatching(/^[0-9a-f-]{36}$/), verdict: null });
});

test("a capture's page has an address, with the list that it is in", () => {
  expect(addressOf(recorded(1))).toBe("/library/capture/c1");
  expect(addressOf(recorded(1), "?label=more")).toBe("/library/capture/c1?label=more");
});
