import { screen, waitFor } from "@testing-library/react";
import { describe, expect, test } from "vitest";

import { expectAccessible } from "../test/axe";
import { renderPage, startSession } from "../test/page";
import { answer, FakeServer, refusal, unreachable } from "../test/server";
import { installUploads, mp4 } from "../test/uploads";
import { UploadPage } from "./UploadPage";

const PROBE = "GET /camera_feed_worker/limits";
const START = "POST /session_manager/sessions.start";
const there = () => answer({});

describe("UploadPage", () => {
  test("says plainly when the server cannot take videos yet", async () => {
    new FakeServer().on(PROBE, () => refusal(404, "not_found"));
    renderPage(<UploadPage />);
    expect(await screen.findByText(/This server does not accept videos yet/)).toBeVisible();
    expect(screen.queryByLabelText("Video")).toBeNull();
    await expectAccessible();
  });

  test("says when the server cannot be reached, and asks again", async () => {
    const server = new FakeServer().on(PROBE, unreachable);
    const { user } = renderPage(<UploadPage />);
    expect(await screen.findByText("network_error")).toBeVisible();
    server.on(PROBE, there);
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByLabelText("Video")).toBeVisible();
  });

  test("a video needs a session and a file, and the button says which is missing", async () => {
    new FakeServer().on(PROBE, there).on(START, () => answer({ session_id: "sess_1" }));
    const { user } = renderPage(<UploadPage />);
    const upload = await screen.findByRole("button", { name: "Upload the video" });
    expect(upload).toHaveAccessibleDescription("Start a session first.");
    await startSession(user);
    await waitFor(() => expect(upload).toHaveAccessibleDescription("Choose a video first."));
    await user.upload(screen.getByLabelText("Video"), mp4("clip.mp4", 0));
    expect(upload).toHaveAccessibleDescription("Choose another file first.");
    expect(screen.getByText(/This file is empty/)).toBeVisible();
    await expectAccessible();
  });

  test("a person who goes on to another field while the session starts keeps the focus there", async () => {
    let start: ((response: Response) => void) | undefined;
    const starting = new Promise<Response>((resolve) => (start = resolve));
    new FakeServer().on(PROBE, there).on(START, () => starting);
    const { user } = renderPage(<UploadPage />);
    await screen.findByLabelText("Video");
    await startSession(user);
    const field = screen.getByLabelText("What is meant (optional)");
    await user.type(field, "mo");
    start?.(answer({ session_id: "sess_1" }));
    await waitFor(() => expect(screen.getByLabelText("session_id")).toHaveValue("sess_1"));
    expect(field).toHaveFocus();
  });

  test("uploads a video into the session, which cannot be ended meanwhile", async () => {
    const latest = installUploads();
    new FakeServer().on(PROBE, there).on(START, () => answer({ session_id: "sess_1" }));
    const { user } = renderPage(<UploadPage />);
    await user.upload(await screen.findByLabelText("Video"), mp4());
    await startSession(user);
    await waitFor(() => expect(screen.getByLabelText("session_id")).toHaveValue("sess_1")); // then the focus stays
    await user.type(screen.getByLabelText("What is meant (optional)"), "more");
    await user.click(screen.getByRole("button", { name: "Upload the video" }));
    expect(latest().form.get("session_id")).toBe("sess_1");
    expect(latest().form.get("intent")).toBe("more");
    await latest().progresses(400, 1000);
    expect(screen.getByRole("progressbar")).toHaveAttribute("value", "40");
    expect(screen.getByLabelText<HTMLInputElement>("Video").files).toHaveLength(0); // a second press sends nothing twice
    expect(screen.getByLabelText("What is meant (optional)")).toHaveValue("");
    expect(screen.getByRole("button", { name: "End Session" })).toHaveAccessibleDescription(/Wait until the upload/);
    await expectAccessible();
  });
});
