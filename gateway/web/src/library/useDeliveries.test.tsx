import { act, renderHook, render, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { afterEach, expect, test, vi } from "vitest";

import { ApiError } from "../api/failure";
import type { Delivery } from "./delivery";
import { UndeliveredBanner } from "./UndeliveredBanner";
import { useDeliveries } from "./useDeliveries";

const REFUSED = new ApiError("capture_erased", 409);
const NOT_YET = new ApiError("not_recorded", 409);

afterEach(() => {
  vi.useRealTimers();
});

/** A statement whose outcome the test decides. */
function statement(topic: string, words = "“Keep”") {
  const outcomes: { resolve: () => void; reject: (error: ApiError) => void }[] = [];
  const send = vi.fn<() => Promise<void>>(
    () => new Promise<void>((resolve, reject) => void outcomes.push({ resolve, reject })),
  );
  const said: Delivery = { topic, words, meanwhile: "It is safe.", send };
  const next = async () => {
    await waitFor(() => expect(outcomes.length).toBeGreaterThan(0));
    return outcomes.shift() as (typeof outcomes)[number];
  };
  return {
    said,
    send,
    succeeds: async () => act(async () => (await next()).resolve()),
    fails: async (error: ApiError) => act(async () => (await next()).reject(error)),
  };
}

/** Says several things at once. */
function together(say: () => Promise<boolean>[]): Promise<boolean[]> {
  let said: Promise<boolean>[] = [];
  act(() => void (said = say()));
  return Promise.all(said);
}

test("statements go one after the other, also about different captures", async () => {
  const { result } = renderHook(useDeliveries);
  const [first, second] = [statement("a"), statement("b")];
  const all = together(() => [result.current.say(first.said), result.current.say(second.said)]);
  await waitFor(() => expect(first.send).toHaveBeenCalled());
  expect(second.send).not.toHaveBeenCalled();
  await first.succeeds();
  await second.succeeds();
  expect(await all).toEqual([true, true]);
  expect(result.current.failed).toEqual([]);
});

test("of two words on one topic only the last one matters", async () => {
  const { result } = renderHook(useDeliveries);
  const [redo, keep] = [statement("a"), statement("a")];
  const all = together(() => [result.current.say(redo.said), result.current.say(keep.said)]);
  await redo.fails(NOT_YET);
  await keep.succeeds();
  expect(await all).toEqual([false, true]);
  expect(redo.send).toHaveBeenCalledTimes(1);
  expect(result.current.failed).toEqual([]);
});

test("a refused statement is named until the next one, and is not sent again", async () => {
  const { result } = renderHook(useDeliveries);
  const refused = statement("a");
  act(() => void result.current.say(refused.said));
  await refused.fails(REFUSED);
  await waitFor(() => expect(result.current.failed).toHaveLength(1));
  act(() => result.current.sendAgain());
  expect(refused.send).toHaveBeenCalledTimes(1);
  const next = statement("b");
  act(() => void result.current.say(next.said));
  expect(result.current.failed).toEqual([]);
  await next.succeeds();
});

test("what is not in the log is said with what that means, and sent again by a button", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  const { result } = renderHook(useDeliveries);
  const { rerender } = render(<UndeliveredBanner deliveries={result.current} />);
  const show = () => rerender(<UndeliveredBanner deliveries={result.current} />);
  const say = (said: Delivery) => void result.current.say(said);
  const [keep, reject] = [statement("a"), statement("b", "“Reject”")];
  act(() => say(keep.said));
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await keep.fails(NOT_YET);
    await act(() => vi.advanceTimersByTimeAsync(5_000));
  }
  act(() => say(reject.said));
  await reject.fails(REFUSED);
  show();
  const text = "“Keep” is not in the log. It is safe. “Reject” is not in the log. It is safe.";
  expect(await screen.findByText(new RegExp(text))).toBeVisible();
  expect(screen.getByText("capture_erased")).toBeVisible();

  const user = userEvent.setup({ delay: null });
  await user.click(screen.getByRole("button", { name: "Send it again" }));
  show();
  expect(screen.getByRole("button", { name: "Send it again" })).toHaveAttribute("aria-busy", "true");
  await keep.succeeds();
  expect(reject.send).toHaveBeenCalledTimes(1);
  act(() => say(statement("c").said)); // a refusal is shown until the next statement
  show();
  expect(screen.getByText("The log has it now.")).toHaveFocus();
});
