import { progress, study, take } from "../test/study";
import { breakDue, doneInAll, meanings, nextPrompt, promptOf, withDecisions } from "./plan";

const STUDY = study();

describe("the next prompt", () => {
  test.each([
    ["the first of those that are left", progress([1, 0]), [], "pain"],
    ["not one that is put off", progress([0, 0]), ["drink"], "pain"],
    ["one that is put off, if nothing else is left", progress([1, 2]), ["drink"], "drink"],
    ["none, if all are done", progress([2, 2]), [], ""],
  ])("is %s", (_, told, putOff, next) => {
    expect(nextPrompt(told, new Set(putOff))).toBe(next);
  });
});

describe("what the person decided, before the server has it", () => {
  test.each([
    ["a kept take counts", "drink", false, "keep", [1, 0], ["pain", "drink", "pain"]],
    [
      "a take to record again counts no more, and its prompt is next",
      "pain",
      true,
      "redo",
      [0, 0],
      ["pain", "drink", "drink", "pain"],
    ],
    ["a good take that is kept counts once", "drink", true, "keep", [0, 0], ["drink", "pain", "drink", "pain"]],
    ["a bad take that is not kept never counted", "drink", false, "redo", [0, 0], ["drink", "pain", "drink", "pain"]],
  ] as const)("%s", (_, prompt, counts, decision, kept, left) => {
    const told = progress(prompt === "pain" && counts ? [0, 1] : [0, 0], [take("c1", prompt, counts)]);
    const told2 = withDecisions(STUDY, told, new Map([["c1", decision]]));
    expect(told2.prompts.map((each) => each.kept)).toEqual(kept);
    expect(told2.remaining).toEqual(left);
    expect(told2.kept).toBe(kept[0] + kept[1]);
    expect(withDecisions(STUDY, told2, new Map([["c1", decision]])), "said twice, it counts once").toEqual(told2);
  });

  test("a take beyond those that the study asks for leaves nothing to do", () => {
    const told = progress([3, 2], [take("c1", "drink", true)]);
    const again = withDecisions(STUDY, told, new Map([["c1", "redo"]]));
    expect(again.remaining).toEqual([]);
    expect(doneInAll(again)).toBe(4);
  });

  test("a take that is known to show something else never counts", () => {
    const told = progress([0, 0], [take("c1", "drink", false, { relabelled: true })]);
    expect(withDecisions(STUDY, told, new Map([["c1", "keep"]]))).toBe(told);
  });
});

test("a prompt that the page does not know yet is shown by its id", () => {
  expect(promptOf(STUDY, "drink")).toBe(STUDY.prompts[0]);
  expect(promptOf(STUDY, "new")).toEqual({ prompt: "new", text: "new", intent: "new", picture: null, say: null });
});

test("progress is told for each gesture, and no more than the study asks for", () => {
  const shown = meanings(STUDY, { ...progress([3, 1]), prompts: [{ prompt: "drink", kept: 3 }] });
  expect(shown.map(({ prompt, kept, wanted }) => [prompt.prompt, kept, wanted])).toEqual([
    ["drink", 2, 2],
    ["pain", 0, 2],
  ]);
});

test.each([
  [null, 99, false],
  [3, 2, false],
  [3, 3, true],
])("with a break every %s takes, after %s: %s", (every, takes, due) => {
  expect(breakDue(study({ break_every: every }), takes)).toBe(due);
});
