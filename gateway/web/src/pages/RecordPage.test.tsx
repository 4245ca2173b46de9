import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Study, StudyTake } from "../api/messages";
import { expectAccessible } from "../test/axe";
import { FakeCaptureSocket } from "../test/captureSocket";
import { type FakeStream, installCamera, setHidden } from "../test/media";
import { renderPage } from "../test/page";
import { installRecording } from "../test/recording";
import { answer, CONSENT, FakeServer, held, refusal } from "../test/server";
import { progress, study, take } from "../test/study";
import { RecordPage } from "./RecordPage";

const SESSION = "sess_0123456789abcdef";
const PROGRESS = "GET /studies/daily-care/progress";
const START = "POST /session_manager/sessions.start";
const END = "POST /session_manager/sessions.end";
const REVIEW = "POST /library/review";
const GOOD = { verdict: "good", reasons: [] };
const POOR = { verdict: "poor", reasons: ["no_hand"] };

let server: FakeServer;
let stream: FakeStream;

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  stream = installRecording();
  setHidden(false);
  window.history.replaceState(null, "", "/record");
  server = new FakeServer()
    .on("GET /studies", () => answer({ studies: [summary("daily-care"), summary("other")], unreadable: [] }))
    .on("POST /session_manager/sessions.validate", () => answer({ status: "active" }))
    .on(START, () => answer({ session_id: SESSION }))
    .on(END, () => answer({}))
    .on(REVIEW, () => answer({}, 201))
    .on(PROGRESS, () => answer(progress([0, 0])));
  served();
});
afterEach(() => {
  vi.useRealTimers();
});

const summary = (id: string) => ({ study: id, title: `Study ${id}`, language: "en", prompts: 2, wanted: 4 });
const button = (name: string | RegExp) => screen.getByRole("button", { name });
const soon = (name: string | RegExp) => screen.findByRole("button", { name });
const heading = (name: string) => screen.findByRole("heading", { name });
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

function served(over: Partial<Study> = {}): void {
  server.on("GET /studies/daily-care", () => answer(study(over)));
}

function socket(): FakeCaptureSocket {
  const { last } = FakeCaptureSocket;
  if (!last) throw new Error("no socket was opened");
  return last;
}

function opened(query = "?study=daily-care&user=p07") {
  window.history.replaceState(null, "", `/record${query}`);
  return renderPage(<RecordPage />);
}

/** To the first prompt. */
async function prompted(query?: string) {
  const parts = opened(query);
  await parts.user.click(await screen.findByRole("radio", { name: "The person who is recorded" }));
  await parts.user.click(button("Yes, start the session"));
  await heading("Can the camera see you?");
  await parts.user.click(button("Go on"));
  await waitFor(() => expect(button("Start")).not.toHaveAttribute("aria-disabled"));
  return parts;
}

type User = Awaited<ReturnType<typeof prompted>>["user"];

/** Presses a button, and records until the take ends by itself; the capture's id. */
async function recorded(user: User, name = "Start", seconds = 3): Promise<string> {
  FakeCaptureSocket.last = undefined;
  await user.click(button(name));
  await waitFor(() => expect(FakeCaptureSocket.last).toBeDefined());
  await act(async () => socket().accept());
  await act(async () => socket().progress());
  await pass(3400);
  expect(button("Stop")).toBeVisible();
  await pass(1000 * seconds);
  return String(socket().messages[0]?.["capture_id"]);
}

/** Acts as the server at the end of a take: what it reports, and whether the take counts. */
async function settled(captureId: string, quality: object, takes: readonly StudyTake[], kept: [number, number]) {
  server.on(PROGRESS, () => answer(progress(kept, takes)));
  const found = { pose: 40, left_hand: 0, right_hand: 0, face: 40 };
  const report = { record_id: "r", status: "recorded", accepted: 45, extracted: 45, found, quality };
  server.on(`GET /captures/${captureId}`, () => answer(report));
  await act(async () => socket().end(1000));
  await pass(700);
}

async function goodTake(user: User, name?: string) {
  const captureId = await recorded(user, name);
  await settled(captureId, GOOD, [take(captureId, "drink", true)], [1, 0]);
  return captureId;
}

async function badTake(user: User, name?: string) {
  const captureId = await recorded(user, name);
  await settled(captureId, POOR, [take(captureId, "drink", false)], [0, 0]);
  return captureId;
}

describe("the choice", () => {
  test("a study and a code lead to the question; the address keeps them, and no storage does", async () => {
    const { user } = renderPage(<RecordPage />);
    await user.click(await screen.findByRole("radio", { name: /Study daily-care/ }));
    expect(button("Go on")).toHaveAccessibleDescription("Choose a study, and enter the code.");
    await user.type(screen.getByLabelText("Code of the person"), "p 07");
    expect(button("Go on")).toHaveAccessibleDescription("Correct the codes above first.");
    await user.clear(screen.getByLabelText("Code of the person"));
    await user.type(screen.getByLabelText("Code of the person"), "p07");
    await user.type(screen.getByLabelText(/^Your code/), "bea");
    await expectAccessible();
    await user.click(button("Go on"));
    expect(window.location.search).toBe("?study=daily-care&user=p07&helper=bea");
    expect(await heading("First, a question")).toBeVisible();
    expect(sessionStorage).toHaveLength(0);
    expect(localStorage).toHaveLength(0);
    await user.click(screen.getByRole("radio", { name: "The person who is recorded" }));
    await user.click(button("Yes, start the session"));
    await heading("Can the camera see you?");
    expect(server.to(START)[0]?.json).toMatchObject({
      user_id: "p07",
      performer_id: "bea",
      consent: { text: CONSENT.hash, given_by: "self" },
    });
  });

  test("the only study is chosen already, and so is the one of a link", async () => {
    const one = { ...summary("daily-care"), language: null };
    server.on("GET /studies", () => answer({ studies: [one], unreadable: ["broken"] }));
    const { user, unmount } = renderPage(<RecordPage />);
    expect(await screen.findByRole("radio")).toBeChecked();
    expect(screen.getByText(/cannot read these studies: broken/)).toBeVisible();
    fireEvent.submit(screen.getByRole("radio"));
    expect(window.location.search).toBe("");
    await user.type(screen.getByLabelText("Code of the person"), "p07{Enter}");
    expect(window.location.search).toBe("?study=daily-care&user=p07");
    unmount();
    server.on("GET /studies", () => answer({ studies: [summary("daily-care"), summary("other")], unreadable: [] }));
    opened("?study=other");
    expect(await screen.findByRole("radio", { name: /Study other/ })).toBeChecked();
  });

  test("without a study it says what to do; without an answer it asks again", async () => {
    server.on("GET /studies", () => refusal(500, "studies_unreadable"));
    const { user } = renderPage(<RecordPage />);
    await screen.findByText("studies_unreadable");
    server.on("GET /studies", () => answer({ studies: [], unreadable: [] }));
    await user.click(button("Try again"));
    expect(await screen.findByText(/has no studies/)).toBeVisible();
    expect(button("Go on")).toHaveAccessibleDescription(/Choose/);
    const main = within(screen.getByRole("main"));
    expect(main.getByRole("link", { name: "Record a gesture" })).toHaveAttribute("href", "/demo/gesture");
  });

  test("a study that is not there can be asked for again, or another one chosen", async () => {
    server.on(PROGRESS, () => refusal(404, "unknown_study"));
    const { user } = opened();
    await screen.findByText("unknown_study");
    await user.click(button("Try again"));
    await screen.findByText("unknown_study");
    await user.click(button("Another study or person"));
    expect(await heading("Which study?")).toBeVisible();
  });
});

describe("consent", () => {
  test("after a no nothing is recorded, and the question can come again", async () => {
    const { user } = opened();
    await user.click(await soon("No, do not record"));
    expect(screen.getByText(/Nothing is recorded/)).toBeVisible();
    expect(server.to(START)).toEqual([]);
    await expectAccessible();
    await user.click(button("Ask again"));
    await user.click(await soon("Back"));
    expect(await heading("Which study?")).toBeVisible();
    window.history.replaceState(null, "", "/");
  });

  test("after a no, another person can be chosen", async () => {
    const { user } = opened();
    await user.click(await soon("No, do not record"));
    await user.click(button("Another study or person"));
    expect(await heading("Which study?")).toBeVisible();
  });

  test("a session of another person is ended before", async () => {
    const { user, unmount } = await prompted("?study=daily-care&user=p01");
    unmount();
    const again = opened();
    await again.user.click(await screen.findByRole("radio", { name: "The person who is recorded" }));
    await again.user.click(button("Yes, start the session"));
    await heading("Can the camera see you?");
    expect(server.to(END)[0]?.json).toMatchObject({ user_id: "p01", session_id: SESSION });
    expect(server.to(START)).toHaveLength(2);
    void user;
  });
});

describe("a take", () => {
  test("is begun, ends by itself, is good, and leads to the next; the open names study and prompt", async () => {
    const { user } = await prompted();
    expect(screen.getByRole("heading", { name: "Drink" })).toBeVisible();
    expect(screen.getByRole("progressbar", { name: "Recordings so far" })).toHaveAttribute("value", "0");
    await expectAccessible();
    const captureId = await recorded(user);
    expect(socket().messages[0]).toMatchObject({
      session_id: SESSION,
      annotation: { intent: "Drink", study: "daily-care", prompt: "drink" },
    });
    expect(socket().messages.at(-1)).toMatchObject({ event: "capture.close" });
    expect(screen.getByText("One moment …", { selector: ".record-lead" })).toBeVisible();
    await settled(captureId, GOOD, [take(captureId, "drink", true)], [1, 0]);
    expect(await heading("Good!")).toBeVisible();
    expect(button("Next")).toHaveFocus();
    await expectAccessible();
    await user.click(button("Next"));
    expect(await heading("Something hurts")).toBeVisible();
    expect(screen.getByText("1 of 4")).toBeVisible();
    expect(server.to(REVIEW)).toEqual([]);
  });

  test("that is not good says why, and is recorded again; the log gets the answer", async () => {
    const { user } = await prompted();
    const first = await badTake(user);
    expect(await heading("Once more?")).toBeVisible();
    expect(screen.getByText(/No hand was in the picture/)).toBeVisible();
    expect(button("Again")).toHaveFocus();
    await expectAccessible();
    await goodTake(user, "Again");
    expect(server.to(REVIEW)[0]?.json).toMatchObject({ capture_id: first, verdict: "redo", reason: "no_hand" });
    expect(await heading("Good!")).toBeVisible();
  });

  test("that is not good can be kept", async () => {
    const { user } = await prompted();
    const captureId = await badTake(user);
    await user.click(await soon("Keep it"));
    expect(await heading("Something hurts")).toBeVisible();
    expect(screen.getByText("1 of 4")).toBeVisible();
    await waitFor(() => expect(server.to(REVIEW)[0]?.json).toMatchObject({ capture_id: captureId, verdict: "keep" }));
  });

  test("that misses the study's own bounds says so in words", async () => {
    const { user } = await prompted();
    const captureId = await recorded(user);
    const faults = ["found.any_hand", "longest_gap_ms.left_hand", "outside.left_hand", "moved.left_hand", "fps"];
    await settled(captureId, GOOD, [take(captureId, "drink", false, { faults })], [0, 0]);
    expect(await heading("Once more?")).toBeVisible();
    for (const words of ["not seen often", "not seen for too long", "outside the picture", "did not move", "too few"]) {
      expect(screen.getByText(new RegExp(words))).toBeVisible();
    }
    await user.click(button("Again"));
    await waitFor(() => expect(server.to(REVIEW)[0]?.json).toMatchObject({ reason: faults.join(", ") }));
  });

  test("can be stopped, but not before the server accepts it", async () => {
    const { user } = await prompted();
    await recorded(user, "Start", 1);
    expect(button("Stop")).toHaveAccessibleDescription("A moment longer …");
    await user.click(button("Stop"));
    await pass(1200);
    await user.click(button("Stop"));
    expect(socket().messages.at(-1)).toMatchObject({ event: "capture.close" });
  });

  test("can be cancelled: the prompt is there again", async () => {
    const { user } = await prompted();
    await recorded(user, "Start", 1);
    await user.click(button("Cancel"));
    expect(await soon("Start")).toBeVisible();
    expect(screen.queryByText("capture_cancelled")).toBeNull();
  });

  test("that fails says why, and is tried again, or passed", async () => {
    const { user } = await prompted();
    await recorded(user, "Start", 1);
    await act(async () => socket().end(1011, "internal_error"));
    expect(await screen.findByText("internal_error")).toBeVisible();
    await expectAccessible();
    await user.click(button("Go on"));
    expect(screen.queryByText("internal_error")).toBeNull();
    server.on("GET /camera_feed_worker/limits", () => refusal(503, "broker_unavailable"));
    await user.click(button("Start"));
    expect(await screen.findByText("broker_unavailable")).toBeVisible();
    server.on("GET /camera_feed_worker/limits", () => refusal(404, "not_found"));
    await goodTake(user, "Again");
    expect(await heading("Good!")).toBeVisible();
  });

  test("whose verdict cannot be read is asked for again", async () => {
    const { user } = await prompted();
    const captureId = await recorded(user);
    server.on(PROGRESS, () => refusal(503, "catalog_unavailable"));
    const told = [take(captureId, "drink", true)];
    server.on(`GET /captures/${captureId}`, () =>
      answer({ record_id: "r", status: "recorded", accepted: 45, extracted: 45, found: {}, quality: GOOD }),
    );
    await act(async () => socket().end(1000));
    await pass(700);
    expect(await screen.findByText("catalog_unavailable")).toBeVisible();
    server.on(PROGRESS, () => answer(progress([1, 0], told)));
    await user.click(button("Again"));
    expect(await heading("Good!")).toBeVisible();
  });

  test("cannot be stopped by a command while its button is blocked", async () => {
    const { user } = await prompted();
    act(() => void stream.track.dispatchEvent(new Event("mute")));
    FakeCaptureSocket.last = undefined; // that of the check of the camera
    await user.click(button("Start"));
    expect(FakeCaptureSocket.last).toBeUndefined();
  });

  test("in a session that has ended leads to the question again", async () => {
    const { user } = await prompted();
    await recorded(user, "Start", 1);
    await act(async () => socket().end(1008, "session_closed"));
    expect(await heading("First, a question")).toBeVisible();
    expect(screen.getByText("session_closed")).toBeVisible();
  });
});

describe("on the way", () => {
  test("a reload goes on where the person was, in the same session", async () => {
    const { unmount } = await prompted();
    unmount();
    server.on(PROGRESS, () => answer(progress([1, 0])));
    const { user } = opened();
    await heading("Can the camera see you?");
    await user.click(button("Go on"));
    expect(await heading("Something hurts")).toBeVisible();
    expect(server.to(START)).toHaveLength(1);
  });

  test("a break turns the camera off, and no clock runs", async () => {
    served({ break_every: 1, language: null });
    const { user } = await prompted();
    await goodTake(user);
    await user.click(await soon("Next"));
    expect(await heading("Have a rest")).toBeVisible();
    expect(stream.track.stop).toHaveBeenCalled();
    expect(screen.queryByLabelText("What the camera sees")).toBeNull();
    expect(within(screen.getByRole("list", { name: "Each gesture" })).getAllByRole("img")).toHaveLength(2);
    await expectAccessible();
    await pass(600_000);
    await user.click(button("Go on"));
    expect(await heading("Something hurts")).toBeVisible();
    await waitFor(() => expect(button("Start")).not.toHaveAttribute("aria-disabled"));
  });

  test("a prompt can wait, and the person can finish for now: the session ends", async () => {
    const { user } = await prompted();
    await user.click(button("Later"));
    expect(await heading("Something hurts")).toBeVisible();
    await user.click(button("Finish"));
    expect(await heading("Enough for now. Thank you!")).toBeVisible();
    expect(screen.getByText(/^4 recordings are left/)).toBeVisible();
    await waitFor(() => expect(server.to(END)).toHaveLength(1));
    await expectAccessible();
    await user.click(button("Another study or person"));
    expect(await heading("Which study?")).toBeVisible();
  });

  test("the end of a study; a session that could not be ended is ended again", async () => {
    server.on(END, () => refusal(503, "broker_unavailable"));
    server.on(PROGRESS, () => answer(progress([1, 2])));
    const { user } = await prompted();
    const captureId = await recorded(user);
    await settled(captureId, GOOD, [take(captureId, "drink", true)], [2, 2]);
    await user.click(await soon("Next"));
    expect(await heading("All done. Thank you!")).toBeVisible();
    expect(await screen.findByText("broker_unavailable")).toBeVisible();
    server.on(END, () => answer({}));
    await user.click(button("Try again"));
    await waitFor(() => expect(screen.queryByText("broker_unavailable")).toBeNull());
  });

  test("a camera that fails blocks the start, and is tried again", async () => {
    installCamera(() => Promise.reject(new DOMException("no", "NotReadableError")));
    const { user } = opened();
    await user.click(await screen.findByRole("radio", { name: "The person who is recorded" }));
    await user.click(button("Yes, start the session"));
    expect(await screen.findByText("camera_in_use")).toBeVisible();
    await user.click(button("Go on"));
    expect(button("Start")).toHaveAccessibleDescription("The camera is not on yet.");
    installCamera(() => Promise.resolve(stream));
    await user.click(button("Try the camera again"));
    await waitFor(() => expect(button("Start")).not.toHaveAttribute("aria-disabled"));
    act(() => void stream.track.dispatchEvent(new Event("mute")));
    expect(button("Start")).toHaveAccessibleDescription("The camera delivers no pictures now.");
  });

  test("the person sees why a capture waits for the server", async () => {
    server.on("GET /readyz", () => answer({ status: "unready", missing: ["No extractor is running."] }, 503));
    const { user } = await prompted();
    await user.click(button("Start"));
    await waitFor(() => expect(FakeCaptureSocket.last).toBeDefined());
    await act(async () => socket().accept());
    await act(async () => socket().progress({ status: "waiting" }));
    await pass(3200);
    expect(await screen.findByText("No extractor is running.")).toBeVisible();
    await user.click(button("Cancel"));
    expect(await soon("Start")).toBeVisible();
  });

  test("many takes of a gesture are told as a number", async () => {
    served({ repetitions: 20 });
    const { user } = await prompted();
    expect(screen.getByText("0 of 20")).toBeVisible();
    void user;
  });
});

describe("texts read aloud, and pictures", () => {
  const spoken: { text: string; lang: string }[] = [];
  const cancel = vi.fn<() => void>();
  beforeEach(() => {
    spoken.length = 0;
    vi.stubGlobal(
      "SpeechSynthesisUtterance",
      class {
        lang = "";
        constructor(readonly text: string) {}
      },
    );
    vi.stubGlobal("speechSynthesis", { cancel, speak: (each: { text: string; lang: string }) => spoken.push(each) });
    URL.createObjectURL = vi.fn<() => string>(() => "blob:picture");
    URL.revokeObjectURL = vi.fn<() => void>();
  });

  const prompts = [
    {
      prompt: "drink",
      text: "Drink",
      intent: "Drink",
      picture: "studies/daily-care/pictures/drink",
      say: "Show: drink.",
    },
    { prompt: "pain", text: "Something hurts", intent: "pain", picture: "studies/daily-care/pictures/pain", say: null },
  ];

  test("if the study says so, in its language; the picture is fetched with the token", async () => {
    served({ read_aloud: true, prompts });
    server.on("GET /studies/daily-care/pictures/drink", () => new Response("x"));
    const { user, unmount } = await prompted();
    expect(spoken.map(({ text, lang }) => [text, lang])).toEqual([["Show: drink.", "en"]]);
    expect(await screen.findByRole("img", { name: "A picture of the gesture" })).toBeVisible();
    await user.click(button("Hear it"));
    expect(spoken).toHaveLength(2);
    await user.click(button("Later"));
    expect(spoken.at(-1)?.text).toBe("Something hurts");
    expect(screen.queryByRole("img", { name: "A picture of the gesture" })).toBeNull();
    expect(URL.revokeObjectURL).toHaveBeenCalled();
    const late = held();
    server.on("GET /studies/daily-care/pictures/drink", late.reply);
    await user.click(button("Later"));
    unmount();
    await act(async () => late.release(new Response("x")));
    expect(URL.createObjectURL).toHaveBeenCalledTimes(1);
    expect(cancel).toHaveBeenCalled();
  });

  test("not if it does not; and without a language, in the browser's", async () => {
    served({ prompts });
    const { user, unmount } = await prompted();
    expect(spoken).toEqual([]);
    expect(screen.queryByRole("button", { name: "Hear it" })).toBeNull();
    void user;
    unmount();
    served({ prompts, read_aloud: true, language: null });
    const again = opened();
    await again.user.click(await soon("Go on"));
    expect(spoken.map(({ lang }) => lang)).toEqual([""]);
    await again.user.click(button("Later"));
    await again.user.click(button("Hear it"));
    expect(spoken.map(({ text }) => text)).toEqual(["Show: drink.", "Something hurts", "Something hurts"]);
  });
});
