import { routeAt } from "./routes";

test.each([
  ["/library", "library", {}],
  ["/library/person/u%201", "person", { user_id: "u 1" }],
  ["/library/person/50%", "person", { user_id: "50%" }],
  ["/library/person/", "notFound", {}],
  ["/library/person/u/1", "notFound", {}],
])("%s is the page “%s” with %o", (path, title, parameters) => {
  expect(routeAt(path)).toMatchObject({ route: { title }, parameters });
});
