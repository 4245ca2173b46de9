import { act, renderHook } from "@testing-library/react";
import { expect, test } from "vitest";

import { ApiError } from "../api/failure";
import { useAnswer } from "./useAnswer";

/** A question whose answers the test gives, in any order. */
function question() {
  const open: { answers: (answer: string) => Promise<void>; fails: (code: string) => Promise<void> }[] = [];
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      open.push({
        answers: (answer) => act(async () => resolve(answer)),
        fails: (code) => act(async () => reject(new ApiError(code))),
      });
    });
  return { ask, open };
}

test("the answer to the last request counts, whatever comes later", async () => {
  const { ask, open } = question();
  const { result } = renderHook(() => useAnswer(ask));
  act(() => result.current.reload());
  await open[1]?.answers("new");
  await open[0]?.answers("old");
  expect(result.current).toMatchObject({ answer: "new", failure: null });
});

test("a failure keeps the last answer, and the next answer ends it", async () => {
  const { ask, open } = question();
  const { result } = renderHook(() => useAnswer(ask));
  await open[0]?.answers("first");
  act(() => result.current.reload());
  await open[1]?.fails("timeout");
  expect(result.current).toMatchObject({ answer: "first", failure: { code: "timeout" } });
  act(() => result.current.reload());
  await open[2]?.answers("second");
  expect(result.current).toMatchObject({ answer: "second", failure: null });
});

test("another question has no answer yet, and cannot be changed before", async () => {
  const [first, second] = [question(), question()];
  const { result, rerender } = renderHook(({ ask }) => useAnswer(ask), { initialProps: { ask: first.ask } });
  act(() => result.current.change((answer) => `${answer}!`));
  await first.open[0]?.answers("first");
  act(() => result.current.change((answer) => `${answer}!`));
  expect(result.current.answer).toBe("first!");
  rerender({ ask: second.ask });
  expect(result.current.answer).toBeNull();
  const { reload } = result.current;
  await second.open[0]?.fails("timeout");
  expect(result.current).toMatchObject({ answer: null, failure: { code: "timeout" } });
  act(() => reload()); // kept from before: it asks the question of now
  await second.open[1]?.answers("second");
  expect(result.current.answer).toBe("second");
});
