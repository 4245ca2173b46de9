import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";

import { motionOf } from "../test/fakeLibrary";
import { Presence } from "./Presence";

test.each([
  [["face", "face"], ""],
  [["face", "damaged"], " · 1 damaged picture (striped)"],
  [["damaged", "face", "damaged"], " · 2 damaged pictures (striped)"],
])("the pictures of %j that were damaged are counted: %s", (frames, words) => {
  render(<Presence motion={motionOf(frames)} timeMs={0} />);
  expect(screen.getByText("When each part was seen", { exact: false }).textContent).toBe(
    `When each part was seen${words}`,
  );
});
