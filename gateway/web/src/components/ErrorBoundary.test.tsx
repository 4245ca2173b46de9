import { render, screen } from "@testing-library/react";
import { vi } from "vitest";

import { ErrorBoundary } from "./ErrorBoundary";

function Broken(): never {
  throw new TypeError("[].toSorted is not a function");
}

test("a page that cannot be drawn says so, with a way on and without its inside", () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined); // React tells what was thrown
  render(
    <ErrorBoundary>
      <Broken />
    </ErrorBoundary>,
  );
  expect(screen.getByRole("alert")).toHaveTextContent("page_error");
  expect(screen.getByRole("button", { name: "Load the page again" })).toBeVisible();
  expect(document.body).not.toHaveTextContent("toSorted");
});
