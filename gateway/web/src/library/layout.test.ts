import { recorded } from "../test/library";
import { columnsFor, heightOf, placeAfter, rowOf, rowsBetween, rowsOf } from "./layout";

const other = { session_id: "sess_fedcba9876543210" };
const seven = [1, 2, 3, 4, 5].map((number) => recorded(number)).concat([6, 7].map((number) => recorded(number, other)));
const rows = rowsOf(seven, { columns: 3, cell: 100, heading: 50 });

test.each([
  [0, 2],
  [328, 2],
  [500, 2],
  [848, 4],
])("a grid of %i pixels has %i columns", (width, columns) => expect(columnsFor(width)).toBe(columns));

test("each session has a heading, and begins a row", () => {
  expect(rows.map(({ kind, top, captures }) => [kind, top, captures.length])).toEqual([
    ["session", 0, 5],
    ["captures", 50, 3],
    ["captures", 150, 2],
    ["session", 250, 2],
    ["captures", 300, 2],
  ]);
  expect(heightOf(rows)).toBe(400);
  expect(heightOf([])).toBe(0);
  expect(rowsOf([recorded(1), recorded(2, { user_id: "u2" })], { columns: 3, cell: 1, heading: 1 })).toHaveLength(4);
});

test.each([
  [-500, -100, 0, 0],
  [-100, 40, 0, 1],
  [0, 51, 0, 2],
  [50, 150, 1, 2],
  [249, 10_000, 2, 5],
  [400, 500, 5, 5],
])("between %i and %i are the rows from %i to before %i", (top, bottom, from, to) => {
  expect(rowsBetween(rows, top, bottom)).toEqual({ from, to });
});

test("a capture is found by its place", () => {
  expect([0, 2, 3, 6, 7, -1].map((place) => rowOf(rows, place))).toEqual([1, 1, 2, 4, -1, -1]);
});

test.each([
  ["ArrowRight", 2, 3],
  ["ArrowLeft", 0, 0],
  ["ArrowRight", 6, 6],
  ["ArrowDown", 2, 4], // the row below is shorter
  ["ArrowDown", 3, 5],
  ["ArrowDown", 6, 6],
  ["ArrowUp", 5, 3],
  ["ArrowUp", 1, 1],
  ["Home", 4, 3],
  ["End", 3, 4],
  ["PageDown", 1, 6],
  ["PageUp", 6, 1],
  ["x", 1, null],
] as const)("%s leads from %i to %s", (key, place, to) => expect(placeAfter(key, place, rows, { page: 5 })).toBe(to));

test("with Control, Home and End lead to the ends of the list", () => {
  expect(placeAfter("Home", 5, rows, { whole: true })).toBe(0);
  expect(placeAfter("End", 1, rows, { whole: true })).toBe(6);
  expect(placeAfter("PageDown", 0, rows)).toBe(3);
  expect(placeAfter("End", 0, [])).toBeNull();
});
