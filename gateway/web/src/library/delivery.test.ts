import { expect, test, vi } from "vitest";

import { ApiError } from "../api/failure";
import { deliver, WAITS_MS } from "./delivery";

const LOST = new ApiError("timeout");

/** Answers with each outcome in turn: an error, or null for success. */
function server(...outcomes: (ApiError | null)[]) {
  return vi.fn<() => Promise<unknown>>(async () => {
    const error = outcomes.shift();
    if (error) throw error;
  });
}

async function delivered(send: () => Promise<unknown>, isStale = () => false) {
  vi.useFakeTimers();
  try {
    const result = deliver(send, isStale);
    await vi.runAllTimersAsync();
    return await result;
  } finally {
    vi.useRealTimers();
  }
}

test("after a lost answer and after a server's trouble the statement is sent again", async () => {
  const send = server(LOST, new ApiError("recorder_unavailable", 503), null);
  expect(await delivered(send)).toBeNull();
  expect(send).toHaveBeenCalledTimes(3);
});

test("a capture that is not in the log yet is waited for", async () => {
  const send = server(new ApiError("not_recorded", 409), null);
  expect(await delivered(send)).toBeNull();
  expect(send).toHaveBeenCalledTimes(2);
});

test("a refusal is not repeated", async () => {
  const send = server(new ApiError("capture_erased", 409));
  expect(await delivered(send)).toMatchObject({ failure: { code: "capture_erased" }, later: false });
  expect(send).toHaveBeenCalledTimes(1);
});

test("a server that stays away is given up, and the statement can be sent later", async () => {
  const send = server(LOST, LOST, LOST, null);
  expect(await delivered(send)).toMatchObject({ failure: { code: "timeout" }, later: true });
  expect(send).toHaveBeenCalledTimes(WAITS_MS.length + 1);
});

test("a word that the person has taken back is not sent again", async () => {
  const send = server(LOST, null);
  expect(await delivered(send, () => true)).toMatchObject({ later: true });
  expect(send).toHaveBeenCalledTimes(1);
});
