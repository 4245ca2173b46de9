import { changed, filtersOf, parametersOf, queryOf } from "./query";

test("a view is in the address, and nothing else is taken from it", () => {
  const filters = filtersOf("?label=&review=none&since=2026-01-31&until=2026-02-30&user_id=&strange=1&search=a+b");
  expect(filters).toEqual({ search: "a b", label: "", since: "2026-01-31", review: "none" });
  expect(filtersOf(queryOf(filters))).toEqual(filters);
  expect(queryOf({})).toBe("");
  expect(filtersOf("?since=today&until=2026-1-1")).toEqual({});
});

test("a day is a day where the person is, and the last one is included", () => {
  const parameters = parametersOf({ since: "2026-01-31", until: "2026-01-31", label: "" });
  expect(parameters.get("since")).toBe(new Date(2026, 0, 31).toISOString());
  expect(parameters.get("until")).toBe(new Date(2026, 1, 1).toISOString());
  expect(parameters.get("label")).toBe("");
  expect(parametersOf({ since: "x", until: "y" }).toString()).toBe("since=x&until=y"); // the server refuses it
});

test("one filter is set and removed without the others", () => {
  expect(changed({ label: "a" }, "review", "keep")).toEqual({ label: "a", review: "keep" });
  expect(changed({ label: "a", review: "keep" }, "label", undefined)).toEqual({ review: "keep" });
});
