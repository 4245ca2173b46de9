import { render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";

import { motionOf } from "../test/fakeLibrary";
import { MotionPlayer } from "./MotionPlayer";

test("a capture of which the server sends no frame is an empty picture", () => {
  render(<MotionPlayer motion={motionOf([])} playing={false} onPlay={vi.fn<() => void>()} keys={false} />);
  expect(screen.getByRole("slider", { name: /^Moment/ })).toHaveAttribute("aria-valuetext", "0.0 of 0.0 seconds");
  expect(screen.getByText("Nothing was found in this picture.")).toBeVisible();
});
