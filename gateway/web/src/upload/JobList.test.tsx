import { screen } from "@testing-library/react";
import { describe, expect, test, vi } from "vitest";

import type { CaptureReport } from "../capture/messages";
import { expectAccessible } from "../test/axe";
import { renderPage } from "../test/page";
import { FakeServer, refusal } from "../test/server";
import { uploadFailure } from "./failures";
import { JobList } from "./JobList";
import { ProgressBar } from "./ProgressBar";
import type { Job } from "./useVideoProcessor";

const JOB: Job = {
  key: "a",
  name: "clip.mp4",
  stage: "uploading",
  progress: 0.25,
  jobId: null,
  captureId: null,
  failure: null,
  report: null,
};
const REPORT = {
  status: "recorded",
  record_id: "record-1",
  accepted: 30,
  extracted: 30,
  found: { pose: 30, face: 30, left_hand: 20, right_hand: 0 },
  raw_features_ref: { hash: "sha256:abc" },
  quality: { verdict: "good", reasons: [] },
} as unknown as CaptureReport;

function shown(...jobs: Partial<Job>[]) {
  new FakeServer().on("GET /captures/capture-1/preview.png", () => refusal(404, "not_found"));
  const onCancel = vi.fn<(key: string) => void>();
  const all = jobs.map((job, at) => Object.assign({}, JOB, { key: `${at}` }, job));
  const { user, rerender } = renderPage(
    <main>
      <h1>Videos</h1>
      <JobList jobs={all} onCancel={onCancel} />
    </main>,
  );
  return { user, onCancel, rerender };
}

const status = (name = "clip.mp4") => screen.getByRole("status", { name });

describe("JobList", () => {
  test("says when there is none", () => {
    shown();
    expect(screen.getByText("No video yet.")).toBeVisible();
  });

  test("shows results: the capture, its hash", async () => {
    shown({ stage: "done", progress: 1, captureId: "capture-1", report: REPORT });
    expect(status()).toHaveTextContent(/recorded$/);
    for (const value of ["record-1", "capture-1", "sha256:abc"]) expect(screen.getByText(value)).toBeInTheDocument();
    await screen.findByRole("button", { name: "Load the picture again" });
    await expectAccessible();
  });

  test.each([
    ["poor", ["nothing_found"], "recorded. Nothing was seen: no body, no face, no hand.", "Turn on a light"],
    [
      "check",
      ["hands_still", "pauses"],
      "recorded. The hands hardly moved. The pictures stopped",
      "no movement, keep it",
    ],
  ])("says what the server doubts of a video: %s", async (verdict, reasons, words, todo) => {
    const report = { ...REPORT, quality: { verdict, reasons } } as CaptureReport;
    shown({ stage: "done", progress: 1, captureId: "capture-1", report });
    expect(status()).toHaveTextContent(words);
    expect(status()).toHaveClass("status-warning");
    expect(screen.getByText(new RegExp(todo))).toBeVisible();
    await screen.findByRole("button", { name: "Load the picture again" });
  });

  test("an upload can be cancelled", async () => {
    const { user, onCancel } = shown({ key: "one" });
    await user.click(screen.getByRole("button", { name: "Cancel the upload" }));
    expect(onCancel).toHaveBeenCalledExactlyOnceWith("one");
  });

  test("each stage has its words and its progress", async () => {
    shown(
      { name: "a.mp4" },
      { name: "b.mp4", stage: "queued" },
      { name: "c.mp4", stage: "running", progress: 0.5 },
      { name: "d.mp4", stage: "failed", failure: uploadFailure("upload_lost") },
    );
    expect(status("a.mp4")).toHaveTextContent("being uploaded");
    expect(status("b.mp4")).toHaveTextContent("waiting for its turn");
    expect(status("c.mp4")).toHaveTextContent("being processed");
    expect(status("d.mp4")).toHaveTextContent("not recorded");
    expect(screen.getByRole("progressbar", { name: "Uploading a.mp4" })).toHaveAttribute("value", "25");
    expect(screen.getByRole("progressbar", { name: "Waiting for its turn b.mp4" })).not.toHaveAttribute("value");
    expect(screen.getByRole("progressbar", { name: "Finding landmarks c.mp4" })).toHaveAttribute("value", "50");
    expect(screen.getByText("upload_lost")).toBeVisible();
    await expectAccessible();
  });
});

describe("ProgressBar", () => {
  test.each([
    [0, "0"],
    [0.256, "25"],
    [1, "100"],
    [1.5, "100"],
    [-1, "0"],
  ])("a share of %s is %s %%", (share, value) => {
    renderPage(<ProgressBar label="Work" share={share} />);
    expect(screen.getByRole("progressbar", { name: "Work" })).toHaveAttribute("value", value);
    expect(screen.getByText(`${value} %`)).toBeVisible();
  });

  test("moves as the share does", () => {
    const { rerender } = renderPage(<ProgressBar label="Work" share={0.1} />);
    rerender(<ProgressBar label="Work" share={0.7} />);
    expect(screen.getByRole("progressbar", { name: "Work" })).toHaveAttribute("value", "70");
  });

  test("without a share it only says that something goes on", () => {
    renderPage(<ProgressBar label="Work" share={null} />);
    expect(screen.getByRole("progressbar", { name: "Work" })).not.toHaveAttribute("value");
  });
});
