import { routeAt } from "./routes";

test.each([
  ["/library", "Library", {}],
  ["/library/person/u%201", "What is kept", { user_id: "u 1" }],
  ["/library/person/50%", "What is kept", { user_id: "50%" }],
  ["/library/person/", "Not found", {}],
  ["/library/person/u/1", "Not found", {}],
])("%s is the page “%s” with %o", (path, title, parameters) => {
  expect(routeAt(path)).toMatchObject({ route: { title }, parameters });
});
