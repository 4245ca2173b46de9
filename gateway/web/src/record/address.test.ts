import { queryOf, sittingIn, studyIn } from "./address";

test.each([
  ["?study=care&user=p07", { study: "care", user: "p07", helper: "p07" }],
  ["?study=care&user=p07&helper=bea", { study: "care", user: "p07", helper: "bea" }],
  ["?study=care&user=p07&helper=b%20a", { study: "care", user: "p07", helper: "p07" }],
])("%s", (query, sitting) => {
  expect(sittingIn(query)).toEqual(sitting);
  expect(sittingIn(queryOf(sitting))).toEqual(sitting);
});

test.each(["?study=care", "?user=p07", "?study=..%2Fx&user=p07", ""])("“%s” names no sitting", (query) => {
  expect(sittingIn(query)).toBeNull();
});

test("a link may name a study alone", () => {
  expect(studyIn("?study=care")).toBe("care");
  expect(studyIn("")).toBeNull();
});
