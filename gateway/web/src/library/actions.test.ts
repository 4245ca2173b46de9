import { ApiError } from "../api/failure";
import { recorded } from "../test/library";
import { changeOf, said, sendAll, statementsFor, undoing, type Action } from "./actions";
import type { LibraryApi } from "./api";

const ACTIONS: readonly Action[] = [
  { kind: "review", verdict: "keep" },
  { kind: "relabel", intent: "wave" },
  { kind: "reassign", participant: "u2" },
  { kind: "withdraw", erase: false },
];

test.each(ACTIONS)("$kind is said of each capture that it changes, but of none that is gone", (action) => {
  const gone = [recorded(3, { state: "erased" }), recorded(4, { state: "withdrawn" })];
  const captures = [recorded(1), recorded(2, changeOf(action)), ...gone];
  expect(statementsFor(action, captures).map(({ capture }) => capture.capture_id)).toEqual(["c1"]);
});

test("an erasure is said of a withdrawn capture too", () => {
  expect(statementsFor({ kind: "withdraw", erase: true }, [recorded(1, { state: "withdrawn" })])).toHaveLength(1);
});

test("undoing says again what was so before, and a withdrawal stays", () => {
  const before = recorded(1, { review: "redo", label: null });
  const undone = ACTIONS.map((action) => undoing(statementsFor(action, [before])).map((statement) => statement.action));
  expect(undone).toEqual([
    [{ kind: "review", verdict: "redo" }],
    [{ kind: "relabel", intent: null }],
    [{ kind: "reassign", participant: "u1" }],
    [],
  ]);
});

function api(answer: (capture: string) => void): LibraryApi {
  const say = (capture: object) => Promise.resolve().then(() => answer((capture as { capture_id: string }).capture_id));
  return { review: say, relabel: say, reassign: say, withdraw: say } as unknown as LibraryApi;
}

test("one refusal stops nothing, and every answer is counted", async () => {
  const refusing = api((id) => {
    if (id === "c2") throw new ApiError("capture_erased", 409);
  });
  for (const action of ACTIONS) {
    const statements = statementsFor(
      action,
      [1, 2, 3, 4, 5, 6].map((number) => recorded(number)),
    );
    const heard: string[] = [];
    const outcome = await sendAll(refusing, statements, "bea", ({ capture }) => heard.push(capture.capture_id));
    expect(heard.sort()).toEqual(["c1", "c3", "c4", "c5", "c6"]);
    expect(outcome.done).toHaveLength(5);
    expect(outcome.refused.map(({ failure }) => failure.code)).toEqual(["capture_erased"]);
  }
});

test("a server that is away is not asked again for each of them", async () => {
  let asked = 0;
  const away = api(() => {
    asked += 1;
    throw new ApiError("network_error");
  });
  const statements = statementsFor(
    { kind: "review", verdict: "keep" },
    Array.from({ length: 50 }, (_, at) => recorded(at)),
  );
  const { refused } = await sendAll(away, statements, "bea", () => undefined);
  expect(refused).toHaveLength(50);
  expect(asked).toBeLessThan(9);
});

test.each([
  [{ kind: "review", verdict: null }, "1 capture: not reviewed."],
  [{ kind: "relabel", intent: null }, "1 capture: label “no label”."],
  [{ kind: "reassign", participant: "u2" }, "1 capture: person u2."],
  [{ kind: "withdraw", erase: false }, "1 capture: withdrawn."],
  [{ kind: "withdraw", erase: true }, "1 capture: withdrawn; the server erases the files within a minute."],
] as const)("%j is: %s", (action, words) => expect(said(action, 1)).toBe(words));

test("it says how many are gone, and if nothing was to be changed", () => {
  const keep: Action = { kind: "review", verdict: "keep" };
  expect(said(keep, 2, 1)).toBe("2 captures: keep. One is withdrawn or erased.");
  expect(said(keep, 0, 1200)).toBe(`Nothing to change. ${(1200).toLocaleString()} are withdrawn or erased.`);
  expect(said(keep, 0)).toBe("Nothing to change.");
});
