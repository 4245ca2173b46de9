import { act, renderHook, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { TokenProvider } from "../api/token";
import { answer, FakeServer, refusal, unreachable } from "../test/server";
import { FakeUpload, installUploads, mp4 } from "../test/uploads";
import { useVideoProcessor } from "./useVideoProcessor";
import { fileFailure, MAX_BYTES } from "./video";

const PROBE = "GET /camera_feed_worker/limits";
const STATUS = "GET /video/status/job-1";
const RESULT = "GET /video/results/job-1";
const SESSION = { sessionId: "sess_1", userId: "user-1", performerId: "carer-1" };
const SUBMITTED = { job_id: "job-1", capture_id: "capture-1" };
const there = () => answer({});
const recorded = { status: "recorded", accepted: 30, extracted: 30, raw_features_ref: { hash: "sha256:abc" } };

function shown(server = new FakeServer().on(PROBE, there)) {
  const latest = installUploads();
  const { result, unmount } = renderHook(useVideoProcessor, { wrapper: TokenProvider });
  const submit = (file = mp4()) => act(async () => void result.current.submit(file, SESSION, "more"));
  return { server, latest, submit, now: () => result.current, job: () => result.current.jobs[0], unmount };
}

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

const guarded =
  (document: unknown, status = 200) =>
  ({ headers }: { headers: Headers }) =>
    headers.get("Authorization") === "Bearer s3cret" ? answer(document, status) : refusal(401, "token_required");

describe("whether the server takes videos", () => {
  test("it does, if there is something at the address", async () => {
    const { now } = shown();
    expect(now().available).toBeNull();
    await waitFor(() => expect(now().available).toBe(true));
  });

  test("it does not, if there is nothing", async () => {
    const { now } = shown(new FakeServer());
    await waitFor(() => expect(now().available).toBe(false));
  });

  test("without a server it is unknown; the page can ask again", async () => {
    const server = new FakeServer().on(PROBE, unreachable);
    const { now } = shown(server);
    await waitFor(() => expect(now().failure?.code).toBe("network_error"));
    expect(now().available).toBeNull();
    server.on(PROBE, there);
    act(() => now().check());
    await waitFor(() => expect(now()).toMatchObject({ available: true, failure: null }));
  });
});

describe("an upload", () => {
  beforeEach(() => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("succeeds: sent with its fields, followed, and its result shown", async () => {
    const { server, latest, submit, job } = shown();
    server.on(STATUS, () => answer({ status: "running", progress: 0.5 })).on(RESULT, () => answer(recorded));
    await submit();
    expect(job()).toMatchObject({ name: "clip.mp4", stage: "uploading", progress: 0 });
    const { method, path, form } = latest();
    expect([method, path]).toEqual(["POST", "/video/submit"]);
    expect(Object.fromEntries([...form].filter(([name]) => name !== "file"))).toEqual({
      user_id: "user-1",
      session_id: "sess_1",
      record_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      capture_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      intent: "more",
    });
    expect((form.get("file") as File).name).toBe("clip.mp4");

    await latest().answers(202, SUBMITTED);
    await waitFor(() => expect(job()).toMatchObject({ stage: "running", progress: 0.5, captureId: "capture-1" }));
    server.on(STATUS, () => answer({ status: "done", progress: 1 }));
    await pass(1_000);
    expect(job()).toMatchObject({ stage: "done", progress: 1, failure: null, report: recorded });
    const asked = server.to(STATUS).length;
    await pass(10_000);
    expect(server.to(STATUS)).toHaveLength(asked);
  });

  test("tells how much is sent", async () => {
    const { latest, submit, job } = shown();
    await submit();
    await latest().progresses(250, 1000);
    expect(job()).toMatchObject({ stage: "uploading", progress: 0.25 });
    await latest().progresses(1000, 1000);
    expect(job()?.progress).toBe(1);
  });

  test.each([
    [413, "file_too_large", /too large\. The usual limit is 200 MB/],
    [415, "not_a_video", /could not read this file as a video/],
    [429, "too_many_uploads", /no room for another video now\. Wait a minute/],
    [429, "queue_full", /cannot receive videos at the moment\. Wait a minute/],
    [503, "brokers_unready", /still starting\. Wait a minute/],
    [409, "session_closed", /session has ended/],
    [404, "unknown_session", /does not know this session/],
    [404, "not_found", /does not accept videos yet/],
    [500, "internal_error", /server made a mistake/],
  ])("is refused with %s %s: a sentence", async (status, code, sentence) => {
    const { latest, submit, job } = shown();
    await submit();
    await latest().answers(status, { error: code, detail: "for engineers" });
    expect(job()?.stage).toBe("failed");
    expect(job()?.failure?.sentence).toMatch(sentence);
  });

  test.each([
    [429, "30", /Wait 30 seconds/],
    [503, "1", /Wait a moment/],
    [503, "300", /Wait 5 minutes/],
  ])("is refused with %s and told when to come again", async (status, retryAfter, sentence) => {
    const { latest, submit, job } = shown();
    await submit();
    await latest().answers(status, { error: "code", detail: "for engineers" }, retryAfter);
    expect(job()?.failure?.sentence).toMatch(sentence);
  });

  test("that loses its connection says so", async () => {
    const { latest, submit, job } = shown();
    await submit();
    await latest().fails();
    expect(job()?.stage).toBe("uploading");
    await pass(9_000);
    expect(job()).toMatchObject({ stage: "failed", failure: { code: "upload_lost" } });
  });

  test.each<[string, (upload: FakeUpload) => Promise<void>]>([
    ["its answer", (upload) => upload.fails()],
    ["its answer behind a proxy", (upload) => upload.answers(504, "not JSON")],
  ])("that lost %s, and has arrived, is followed", async (_, lose) => {
    const { server, latest, submit, job } = shown();
    await submit();
    const captureId = String(latest().form.get("capture_id"));
    server.on(`GET /video/status/${captureId}`, () => answer({ status: "running", progress: 0.5 }));
    await lose(latest());
    await waitFor(() => expect(job()).toMatchObject({ stage: "running", captureId, jobId: captureId }));
    expect(FakeUpload.all).toHaveLength(1);
  });

  test("can be cancelled", async () => {
    const { latest, submit, job, now } = shown();
    await submit();
    await act(async () => now().cancel(job()?.key ?? ""));
    expect(latest().aborted).toBe(true);
    expect(job()).toMatchObject({ stage: "failed", failure: { code: "upload_cancelled" } });
  });

  test("is cancelled when the page is left", async () => {
    const { latest, submit, unmount } = shown();
    await submit();
    unmount();
    expect(latest().aborted).toBe(true);
  });

  test("whose job fails has the code of the capture", async () => {
    const { server, latest, submit, job } = shown();
    server.on(STATUS, () => answer({ status: "failed", progress: 0.3, error: "frames_lost" }));
    await submit();
    await latest().answers(202, SUBMITTED);
    await waitFor(() => expect(job()?.stage).toBe("failed"));
    expect(job()?.failure).toMatchObject({ code: "frames_lost", sentence: expect.stringMatching(/Upload it again/) });
  });

  test("whose capture was given up is no success", async () => {
    const { server, latest, submit, job } = shown();
    server.on(STATUS, () => answer({ status: "done", progress: 1 }));
    server.on(RESULT, () => answer({ status: "aborted", error_code: "limit_duration_exceeded" }));
    await submit();
    await latest().answers(202, SUBMITTED);
    await waitFor(() => expect(job()).toMatchObject({ stage: "failed", failure: { code: "limit_duration_exceeded" } }));
    expect(job()?.failure?.sentence).toMatch(/usual limit is two minutes\. Nothing of it was kept/);
  });

  test("is followed through a time without a server", async () => {
    const { server, latest, submit, job } = shown();
    server.on(STATUS, unreachable).on(RESULT, () => answer(recorded));
    await submit();
    await latest().answers(202, SUBMITTED);
    await waitFor(() => expect(job()?.failure?.code).toBe("network_error"));
    expect(job()?.stage).toBe("queued");
    server.on(STATUS, () => answer({ status: "done", progress: 1 }));
    await pass(3_000);
    expect(job()).toMatchObject({ stage: "done", failure: null });
  });

  test("that the server forgot is failed, not asked for for ever", async () => {
    const { server, latest, submit, job } = shown();
    server.on(STATUS, () => refusal(404, "unknown_job", "There is no such job."));
    await submit();
    await latest().answers(202, SUBMITTED);
    await waitFor(() => expect(job()).toMatchObject({ stage: "failed", failure: { code: "unknown_job" } }));
  });

  test("several are followed at once, the newest first", async () => {
    const { submit, now } = shown();
    await submit(mp4("one.mp4"));
    await submit(mp4("two.mp4"));
    expect(now().jobs.map(({ name }) => name)).toEqual(["two.mp4", "one.mp4"]);
  });

  test("that cannot be one is not sent", async () => {
    const { submit, job } = shown();
    await submit(mp4("notes.txt", 10, "text/plain"));
    expect(job()).toMatchObject({ stage: "failed", failure: { code: "not_a_video" } });
    expect(FakeUpload.all).toHaveLength(0);
  });
});

test("an upload that needs the token asks for it and is sent again", async () => {
  const server = new FakeServer().on(PROBE, there);
  const { latest, submit, job, now } = shown(server);
  await waitFor(() => expect(now().available).toBe(true));
  server.on(PROBE, guarded({}, 200));
  server.on(STATUS, guarded({ status: "running", progress: 0.5 }));
  await submit();
  await latest().answers(401, { error: "token_required", detail: "" });
  const user = userEvent.setup();
  await user.type(await screen.findByLabelText("Token"), "s3cret");
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  await waitFor(() => expect(FakeUpload.all).toHaveLength(2));
  expect(latest().headers.get("Authorization")).toBe("Bearer s3cret");
  await latest().answers(202, SUBMITTED);
  await waitFor(() => expect(job()?.stage).toBe("running"));
});

test.each([
  ["an MP4", mp4(), undefined],
  ["an MP4 without a type", mp4("CLIP.MP4", 10, ""), undefined],
  ["an empty file", mp4("clip.mp4", 0), "empty_file"],
  ["a telephone's", mp4("IMG_1.MOV", 10, ""), undefined],
  ["a browser's", mp4("clip.webm", 10, "video/webm"), undefined],
  ["another file", mp4("clip.avi", 10, "video/x-msvideo"), "not_a_video"],
  ["as much as may be", mp4("clip.mp4", MAX_BYTES), undefined],
  ["more than may be", mp4("clip.mp4", MAX_BYTES + 1), "file_too_large"],
])("fileFailure: %s", (_, file, code) => {
  expect(fileFailure(file)?.code).toBe(code);
});
