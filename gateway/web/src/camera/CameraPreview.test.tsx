import { render, screen } from "@testing-library/react";
import { createRef } from "react";
import { expect, test, vi } from "vitest";

import { FakeStream } from "../test/media";
import { CameraPreview } from "./CameraPreview";

test("the preview is mirrored, the element that frames are grabbed from is handed out", () => {
  const play = vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue();
  const stream = new FakeStream() as unknown as MediaStream;
  const video = createRef<HTMLVideoElement | null>();
  render(<CameraPreview stream={stream} video={video} />);
  const element = screen.getByLabelText("What the camera sees");
  expect(video.current).toBe(element);
  expect(video.current?.srcObject).toBe(stream);
  expect(element).toHaveClass("camera-mirrored");
  expect(play).toHaveBeenCalledOnce();
});

test("without pictures something else stands in its place", () => {
  render(
    <CameraPreview stream={null} video={createRef()} mirrored={false}>
      <p>The camera is off.</p>
    </CameraPreview>,
  );
  expect(screen.getByText("The camera is off.")).toBeVisible();
  expect(screen.getByLabelText("What the camera sees")).not.toBeVisible();
});
