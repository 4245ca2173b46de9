import { act, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { DEFAULT_LIMITS } from "../capture/limits";
import { expectAccessible } from "../test/axe";
import { FakeCaptureSocket } from "../test/captureSocket";
import { type FakeStream, handheld, installCamera, setHidden, showing } from "../test/media";
import { renderPage, startSession } from "../test/page";
import { installRecording } from "../test/recording";
import { answer, FakeServer, refusal, unreachable } from "../test/server";
import { GesturePage } from "./GesturePage";

const START = "POST /session_manager/sessions.start";
const VALIDATE = "POST /session_manager/sessions.validate";
const SESSION = "sess_0123456789abcdef";
const CAPTURE = "Capture Bounded Gesture (≤ 120 s)";
const GOOD = { pose: 1, left_hand: 0, right_hand: 1, face: 1 };
const HASH = `sha256:${"ab".repeat(32)}`;

let server: FakeServer;
let stream: FakeStream;

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  stream = installRecording();
  Element.prototype.scrollIntoView = vi.fn<() => void>();
  URL.createObjectURL = vi.fn<() => string>(() => "blob:picture");
  URL.revokeObjectURL = vi.fn<() => void>();
  setHidden(false);
  server = new FakeServer()
    .on(START, () => answer({ session_id: SESSION }))
    .on("POST /session_manager/sessions.end", () => answer({}))
    .on(VALIDATE, () => answer({ status: "active" }));
});
afterEach(() => {
  vi.useRealTimers();
});

const img = (name: RegExp) => screen.findByRole("img", { name });
const button = (name: string) => screen.getByRole("button", { name });
const status = () => screen.getByRole("status", { name: "Capture" });
const fact = (name: string) => screen.getByText(name).nextElementSibling;
const alertOf = (code: string) => screen.getAllByRole("alert").find((alert) => alert.textContent?.includes(code));
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

function socket(): FakeCaptureSocket {
  const { last } = FakeCaptureSocket;
  if (!last) throw new Error("no socket was opened");
  return last;
}

const leaves = () => {
  const event = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(event);
  return !event.defaultPrevented;
};

const captureId = () => String(socket().messages[0]?.["capture_id"]);

/** Acts as the server, and waits until the page shows it. */
const serverDoes = async (what: (socket: FakeCaptureSocket) => void) => {
  await act(async () => what(socket()));
  await pass(200);
};

async function prepared() {
  const { user, ...rest } = renderPage(<GesturePage />);
  await startSession(user);
  await waitFor(() => expect(screen.getByLabelText("session_id")).toHaveValue(SESSION));
  await user.click(button("Turn the camera on"));
  await waitFor(() => expect(button("Turn the camera off")).toBeVisible());
  return { user, ...rest };
}

async function counting() {
  const parts = await prepared();
  await parts.user.click(button(CAPTURE));
  await waitFor(() => expect(FakeCaptureSocket.last).toBeDefined());
  await serverDoes((it) => it.accept());
  return parts;
}

async function recording() {
  const parts = await counting();
  await serverDoes((it) => it.progress());
  await pass(3200);
  expect(status()).toHaveTextContent("recording");
  return parts;
}

async function settling() {
  const parts = await recording();
  await pass(2200);
  await parts.user.click(button("Stop"));
  return parts;
}

describe("before a capture", () => {
  test("nothing can be captured, and the page says why, step by step", async () => {
    const { user } = renderPage(<GesturePage />);
    expect(button(CAPTURE)).toHaveAccessibleDescription("Start a session first.");
    expect(button("End Session")).toHaveAccessibleDescription("Start a session first.");
    expect(button("Stop")).toHaveAccessibleDescription("Not recording.");
    await user.click(button(CAPTURE));
    expect(FakeCaptureSocket.last).toBeUndefined();
    await startSession(user);
    await waitFor(() => expect(button(CAPTURE)).toHaveAccessibleDescription("Turn the camera on first."));
    await user.click(button("Turn the camera on"));
    await waitFor(() => expect(button(CAPTURE)).toHaveAccessibleDescription(""));
    await expectAccessible();
  });

  test("the camera is asked for when the person says so, and let go", async () => {
    const { user } = await prepared();
    expect(screen.getByLabelText("What the camera sees")).toHaveClass("camera-mirrored");
    await user.click(button("Turn the camera off"));
    expect(stream.track.stop).toHaveBeenCalled();
    expect(screen.getByText("The camera is off.")).toBeVisible();
  });

  test.each([
    ["NotAllowedError", "camera_denied"],
    ["NotFoundError", "camera_absent"],
    ["NotReadableError", "camera_in_use"],
  ])("%s has its sentence, and can be tried again", async (name, code) => {
    installCamera(() => Promise.reject(new DOMException("no", name)));
    const { user } = renderPage(<GesturePage />);
    await user.click(button("Turn the camera on"));
    await waitFor(() => expect(alertOf(code)).toBeVisible());
    await expectAccessible();
    installCamera(() => Promise.resolve(stream));
    await user.click(button("Try the camera again"));
    await waitFor(() => expect(button("Turn the camera off")).toBeVisible());
    expect(alertOf(code)).toBeUndefined();
  });

  test("an address that is not secure is explained before anything is begun", async () => {
    installCamera(() => Promise.resolve(stream), false);
    renderPage(<GesturePage />);
    expect(button("Turn the camera on")).toHaveAccessibleDescription("Not at this address; see above.");
    expect(alertOf("camera_insecure")).toHaveTextContent("https://");
    expect(screen.getAllByText(/https:\/\//)).toHaveLength(1);
  });

  test("the label has at most 256 characters", () => {
    renderPage(<GesturePage />);
    expect(screen.getByLabelText("What is meant (optional)")).toHaveAttribute("maxlength", "256");
  });
});

test("a camera that was just turned on is waited for, and a second press begins nothing", async () => {
  showing(0, 0, HTMLVideoElement.prototype as HTMLVideoElement);
  const { user } = await prepared();
  await user.click(button(CAPTURE));
  await user.click(button(CAPTURE));
  expect(server.to(VALIDATE)).toHaveLength(0);
  showing(640, 480, HTMLVideoElement.prototype as HTMLVideoElement);
  act(() => void screen.getByLabelText("What the camera sees").dispatchEvent(new Event("loadedmetadata")));
  await waitFor(() => expect(FakeCaptureSocket.last).toBeDefined());
  expect(server.to(VALIDATE)).toHaveLength(1);
});

test("the server's limits are kept, not this page's", async () => {
  server.on("GET /camera_feed_worker/limits", () =>
    answer({ ...DEFAULT_LIMITS, max_fps: 10, max_long_side: 320, max_short_side: 240, max_duration_s: 5 }),
  );
  const { user } = await prepared();
  await user.click(await screen.findByRole("button", { name: "Capture Bounded Gesture (≤ 5 s)" }));
  await waitFor(() => expect(FakeCaptureSocket.last).toBeDefined());
  await serverDoes((it) => it.accept());
  expect(socket().messages[0]).toMatchObject({ fps_target: 10, width: 320, height: 180 });
  await serverDoes((it) => it.progress());
  await pass(8_500);
  expect(socket().messages.at(-1)).toMatchObject({ event: "capture.close" });
});

describe("the count-down", () => {
  test("waits for an extractor, says so, and can be cancelled", async () => {
    const { user } = await counting();
    expect(status()).toHaveTextContent("get ready");
    await serverDoes((it) => it.progress({ status: "waiting" }));
    await pass(10_000);
    expect(status()).toHaveTextContent("waiting, the server is busy");
    expect(screen.getByText(/The server is busy with another capture/)).toBeVisible();
    await expectAccessible();
    await user.click(button("Cancel"));
    expect(status()).toHaveTextContent("cancelled, nothing was kept");
    expect(socket().closedWith).toBe(1000);
    expect(screen.getAllByRole("alert").every((alert) => alert.textContent === "")).toBe(true);
  });

  test("the open carries what is meant, and the size that the camera has", async () => {
    const { user } = await prepared();
    await user.type(screen.getByLabelText("What is meant (optional)"), " more ");
    await user.click(button(CAPTURE));
    await waitFor(() => expect(FakeCaptureSocket.last).toBeDefined());
    await serverDoes((it) => it.accept());
    expect(socket().messages[0]).toMatchObject({ annotation: { intent: "more" }, width: 640, height: 360 });
    expect(socket().url).toMatch(/^ws:.*\/camera_feed_worker\/capture$/);
  });

  test("the token that was given is the socket's subprotocol", async () => {
    const { user } = await prepared();
    let asked = 0;
    server.on(VALIDATE, () => ((asked += 1) > 1 ? answer({ status: "active" }) : refusal(401, "token_required")));
    await user.click(button(CAPTURE));
    await user.type(await screen.findByLabelText("Token"), "secret");
    await user.click(button("Sign in"));
    await waitFor(() => expect(FakeCaptureSocket.last?.protocols).toEqual(["bearer.secret"]));
  });
});

describe("a capture", () => {
  test("shows the picture, the clock, what is found, Stop and Cancel, and nothing else", async () => {
    await recording();
    expect(screen.getAllByRole("button").map(({ textContent }) => textContent)).toEqual(["Stop", "Cancel"]);
    expect(screen.queryByLabelText("session_id")).not.toBeVisible();
    await pass(1000);
    await serverDoes((it) =>
      it.progress({ accepted: 20, extracted: 10, found: { pose: 10, left_hand: 0, right_hand: 0, face: 9 } }),
    );
    expect(screen.getByText(/1\d pictures a second · body, face, no hand yet/)).toBeVisible();
    await expectAccessible();
  });

  test("can be stopped from two seconds on", async () => {
    const { user } = await recording();
    expect(button("Stop")).toHaveAccessibleDescription("Possible after two seconds.");
    await pass(2200);
    expect(button("Stop")).toHaveAccessibleDescription("");
    await user.click(button("Stop"));
    expect(socket().messages.at(-1)).toMatchObject({ event: "capture.close" });
    expect(status()).toHaveTextContent("sending the last pictures");
  });

  test("what is read out changes seldom", async () => {
    await recording();
    const said: (string | null)[] = [];
    const watch = new MutationObserver(() => said.push(status().textContent));
    watch.observe(status(), { subtree: true, childList: true, characterData: true });
    for (let at = 0; at < 10; at += 1) await serverDoes((it) => it.progress({ accepted: 99 + at, extracted: at }));
    expect(said).toEqual([]);
    watch.disconnect();
  });

  test.each(["get ready", "recording"])("can be cancelled (%s), and is not kept", async (words) => {
    const { user } = await (words === "recording" ? recording() : counting());
    expect(status()).toHaveTextContent(words);
    await user.click(button("Cancel"));
    expect(status()).toHaveTextContent("cancelled, nothing was kept");
    expect(socket().closedWith).toBe(1000);
  });

  test("is recorded: hash and picture are shown, and the next one can begin", async () => {
    await settling();
    const id = captureId();
    server
      .on(`GET /captures/${id}`, () =>
        answer({ status: "recorded", accepted: 30, extracted: 30, found: GOOD, raw_features_ref: { hash: HASH } }),
      )
      .on(`GET /captures/${id}/preview.png`, () => new Response("png"));
    await serverDoes((it) => it.end(1000));
    await waitFor(() => expect(fact("Artifact hash")).toHaveTextContent(HASH));
    expect(status()).toHaveTextContent("recorded");
    expect(screen.getByRole("link", { name: /^Look at it: no label, / })).toHaveAttribute(
      "href",
      `/library/capture/${id}?session_id=${SESSION}`,
    );
    expect(screen.getByRole("link", { name: "All of them in the library" })).toHaveAttribute(
      "href",
      `/library?session_id=${SESSION}`,
    );
    expect(await screen.findByRole("img", { name: /Skeletons/ })).toHaveAttribute("src", "blob:picture");
    expect(button(CAPTURE)).toHaveAccessibleDescription("");
    await expectAccessible();
  });

  test("a picture that does not come can be asked for again", async () => {
    const { user } = await settling();
    const id = captureId();
    server
      .on(`GET /captures/${id}`, () => answer({ status: "recorded", accepted: 1, extracted: 1, found: GOOD }))
      .on(`GET /captures/${id}/preview.png`, unreachable);
    await serverDoes((it) => it.end(1000));
    await waitFor(() => expect(alertOf("network_error")).toBeVisible());
    server.on(`GET /captures/${id}/preview.png`, () => new Response("png"));
    await user.click(button("Load the picture again"));
    expect(await screen.findByRole("img", { name: /Skeletons/ })).toBeVisible();
  });
});

async function recorded() {
  const { user } = await settling();
  const id = captureId();
  server
    .on(`GET /captures/${id}`, () => answer({ status: "recorded", accepted: 1, extracted: 1, found: GOOD }))
    .on(`GET /captures/${id}/preview.png`, () => new Response("png"));
  await serverDoes((it) => it.end(1000));
  await img(/Skeletons/);
  return { user, moving: `GET /captures/${id}/animation.gif` };
}

describe("the picture of a recorded capture", () => {
  test("moves when asked to, not before, and can be stilled again", async () => {
    const { user, moving } = await recorded();
    server.on(moving, () => new Response("gif"));
    expect(server.to(moving)).toEqual([]);
    await user.click(button("Show the movement"));
    expect(await img(/in motion/)).toHaveAttribute("src", "blob:picture");
    expect(screen.getByText(/at its recorded speed/)).toBeVisible();
    expect(screen.queryByRole("img", { name: /Skeletons/ })).toBeNull();
    expect(button("Show still moments")).toHaveFocus();
    await expectAccessible();
    await user.click(button("Show still moments"));
    expect(await img(/Skeletons/)).toBeVisible();
    expect(screen.queryByRole("img", { name: /in motion/ })).toBeNull();
    expect(server.to(moving)).toHaveLength(1);
  });

  test("stays within reach when its movement does not come", async () => {
    const { user, moving } = await recorded();
    server.on(moving, unreachable);
    await user.click(button("Show the movement"));
    await waitFor(() => expect(alertOf("network_error")).toBeVisible());
    server.on(moving, () => new Response("gif"));
    await user.click(button("Load the picture again"));
    expect(await img(/in motion/)).toBeVisible();
  });
});

describe("a lost connection", () => {
  const FOUND = { pose: 1, left_hand: 0, right_hand: 0, face: 1 };
  const reported = (outcome: string, more: object = {}) =>
    Response.json({ record_id: "r", status: outcome, accepted: 1, extracted: 1, found: FOUND, ...more });

  test("recording goes on, the take is sent again, and one line says so", async () => {
    await recording();
    const first = captureId();
    server.on(`GET /captures/${first}`, unreachable);
    await serverDoes((it) => it.end(1006));
    const line = screen.getByText(/The connection is lost. Recording goes on/);
    expect(line).toHaveAttribute("role", "status");
    expect(status()).toHaveTextContent("recording");
    expect(
      screen
        .queryAllByRole("alert")
        .map(({ textContent }) => textContent)
        .join(""),
    ).toBe("");
    expect(leaves()).toBe(false);
    await expectAccessible();

    server.on(`GET /captures/${first}`, () => reported("aborted", { error_code: "client_disconnected" }));
    const lost = socket();
    await waitFor(() => expect(socket()).not.toBe(lost));
    await serverDoes((it) => it.accept());
    expect(socket().messages[0]?.["annotation"]).toEqual({ intent: "", resend_of: first });
    await serverDoes((it) => it.progress());
    expect(line).toHaveTextContent("The connection is back. The recording is being sent again.");
    await pass(2200);
    act(() => button("Stop").click());
    await pass(200);
    expect(socket().messages.at(-1)).toMatchObject({ event: "capture.close" });
    expect(leaves()).toBe(false);
    server.on(`GET /captures/${captureId()}`, () => reported("recorded", { raw_features_ref: { hash: "sha256:a" } }));
    await serverDoes((it) => it.end(1000));
    await waitFor(() => expect(line).toHaveTextContent("sent again, and nothing is missing"));
    expect(leaves()).toBe(true);
  });
});

describe("what goes wrong", () => {
  test.each([
    ["the socket is lost", 1006, "", "socket_lost"],
    ["the server is full", 1013, "too_many_captures", "too_many_captures"],
    ["the server is stopped", 1012, "server_shutdown", "server_shutdown"],
  ])("%s before there is a picture", async (_, closeCode, reason, code) => {
    await counting();
    await serverDoes((it) => it.end(closeCode, reason));
    expect(alertOf(code)).toBeVisible();
    expect(status()).toHaveTextContent("not kept");
    expect(button(CAPTURE)).toHaveAccessibleDescription("");
    await expectAccessible();
  });

  test.each([
    ["ended", "session_closed", /The session has ended/],
    ["withdrawn", "consent_withdrawn", /Consent to this session was withdrawn/],
  ])("the session was %s elsewhere: there is none any more", async (_, code, sentence) => {
    await recording();
    await serverDoes((it) => it.say({ event: "capture.abort", error_code: code }));
    expect(alertOf(code)).toHaveTextContent(sentence);
    expect(screen.getAllByText(sentence)).toHaveLength(1);
    expect(screen.getByLabelText("session_id")).toHaveValue("");
    expect(button(CAPTURE)).toHaveAccessibleDescription("Start a session first.");
  });

  test("the session was ended before the capture began", async () => {
    const { user } = await prepared();
    server.on(VALIDATE, () => answer({ status: "closed" }));
    await user.click(button(CAPTURE));
    await waitFor(() => expect(alertOf("session_closed")).toBeVisible());
    expect(FakeCaptureSocket.last).toBeUndefined();
    await waitFor(() => expect(screen.getByLabelText("session_id")).toHaveValue(""));
  });

  test("the server is not there", async () => {
    const { user } = await prepared();
    server.on(VALIDATE, unreachable);
    await user.click(button(CAPTURE));
    await waitFor(() => expect(alertOf("network_error")).toBeVisible());
    expect(screen.getByLabelText("session_id")).toHaveValue(SESSION);
  });

  test("the camera is unplugged during the capture", async () => {
    await recording();
    await act(async () => void stream.track.dispatchEvent(new Event("ended")));
    expect(alertOf("capture_interrupted")).toBeVisible();
    expect(alertOf("camera_unplugged")).toBeUndefined();
    expect(socket().closedWith).toBe(1000);
  });

  test("the page was in the background during the capture", async () => {
    await recording();
    act(() => setHidden(true));
    act(() => setHidden(false));
    expect(alertOf("page_in_background")).toBeVisible();
  });

  test("a phone that rings or is locked ends the capture, which is kept, and says why in one place", async () => {
    handheld(true);
    await recording();
    await pass(2200);
    act(() => setHidden(true));
    expect(socket().messages.at(-1)).toMatchObject({ event: "capture.close" });
    act(() => setHidden(false));
    const id = captureId();
    server.on(`GET /captures/${id}`, () => answer({ status: "recorded", accepted: 1, extracted: 1, found: GOOD }));
    await serverDoes((it) => it.end(1000));
    await waitFor(() => expect(status()).toHaveTextContent("recorded. The page went to the background"));
    expect(alertOf("page_in_background")).toBeUndefined();
  });

  test("a phone that is locked before there is enough says that nothing was kept", async () => {
    handheld(true);
    await counting();
    act(() => setHidden(true));
    expect(alertOf("page_hidden")).toBeVisible();
    expect(alertOf("page_in_background")).toBeUndefined();
  });

  test("a camera that another app takes ends the capture, and what there is is kept", async () => {
    await recording();
    await pass(2200);
    await act(async () => void stream.track.dispatchEvent(new Event("ended")));
    expect(socket().messages.at(-1)).toMatchObject({ event: "capture.close" });
    expect(alertOf("camera_unplugged")).toBeVisible();
    expect(alertOf("capture_interrupted")).toBeUndefined();
  });

  test("the background does not matter without a capture", async () => {
    await prepared();
    act(() => setHidden(true));
    act(() => setHidden(false));
    expect(alertOf("page_in_background")).toBeUndefined();
  });

  test("a server that is away while the outcome is waited for is asked again, or not waited for", async () => {
    const { user } = await settling();
    const id = captureId();
    server.on(`GET /captures/${id}`, unreachable);
    await serverDoes((it) => it.end(1000));
    await waitFor(() => expect(alertOf("network_error")).toBeVisible());
    await user.click(button("Do not wait"));
    expect(alertOf("outcome_unknown")).toBeVisible();
    expect(button(CAPTURE)).toHaveAccessibleDescription("");
  });
});

describe("a server that says nothing any more", () => {
  test("is noticed in three seconds, and the capture can be cancelled", async () => {
    const { user } = await recording();
    socket().freeze();
    await pass(3000);
    expect(status()).toHaveTextContent("the server does not answer");
    expect(alertOf("server_silent_now")).toHaveTextContent("Recording goes on here");
    await expectAccessible();
    await user.click(button("Cancel"));
    expect(button(CAPTURE)).toHaveAccessibleDescription("");
  });

  test("while it closes: it can be cancelled, and may be recorded all the same", async () => {
    const { user } = await recording();
    await pass(2200);
    socket().freeze();
    await user.click(button("Stop"));
    await pass(3000);
    expect(alertOf("server_silent_closing")).toBeVisible();
    await user.click(button("Cancel"));
    expect(alertOf("outcome_unknown")).toHaveTextContent("record_id, shown below");
    expect(fact("record_id")).toHaveTextContent(String(socket().messages[0]?.["record_id"]));
    expect(button(CAPTURE)).toHaveAccessibleDescription("");
  });
});

const mute = (name: "mute" | "unmute") => act(async () => void stream.track.dispatchEvent(new Event(name)));

describe("a camera that is muted", () => {
  test("in the middle ends the capture at once; what there is is kept, and marked", async () => {
    await recording();
    await pass(2200);
    await mute("mute");
    expect(socket().messages.at(-1)).toMatchObject({ event: "capture.close" });
    expect(alertOf("camera_muted_now")).toBeVisible();
    const id = captureId();
    server.on(`GET /captures/${id}`, () => answer({ status: "recorded", accepted: 1, extracted: 1, found: GOOD }));
    await serverDoes((it) => it.end(1000));
    await waitFor(() => expect(status()).toHaveTextContent("recorded. The camera stopped delivering pictures"));
  });

  test("before there is enough ends it with its sentence, and none begins until it gives pictures again", async () => {
    await recording();
    await mute("mute");
    expect(status()).toHaveTextContent("not kept");
    expect(alertOf("camera_muted")).toBeVisible();
    expect(button(CAPTURE)).toHaveAccessibleDescription("The camera delivers no pictures now.");
    await mute("unmute");
    expect(button(CAPTURE)).toHaveAccessibleDescription("");
  });
});

/** A capture of “more” that the server doubts, on the page. */
async function doubted() {
  const { user } = await prepared();
  await user.type(screen.getByLabelText("What is meant (optional)"), "more");
  await user.click(button(CAPTURE));
  await waitFor(() => expect(FakeCaptureSocket.last).toBeDefined());
  await serverDoes((it) => it.accept());
  await serverDoes((it) => it.progress());
  await pass(5500);
  await user.click(button("Stop"));
  const report = {
    status: "recorded",
    accepted: 30,
    extracted: 30,
    found: { pose: 30, left_hand: 9, right_hand: 30, face: 30 },
    quality: { verdict: "check", reasons: ["left_hand_mostly_out"] },
  };
  server.on(`GET /captures/${captureId()}`, () => answer(report));
  await serverDoes((it) => it.end(1000));
  await waitFor(() => expect(status()).toHaveTextContent("recorded. "));
  return user;
}

const question = () => screen.queryByRole("group", { name: "Record it again?" });
const OUT = "The left hand was out of the picture for most of it.";

const REVIEW = "POST /library/review";
const said = () => server.to(REVIEW).map(({ json }) => json as Record<string, unknown>);

describe("a recorded capture that the server doubts", () => {
  beforeEach(() => {
    server.on(REVIEW, () => answer({ record_id: "0001", recorded_at: "2026-11-28T10:00:00.000Z" }, 201));
  });

  test("is not green: it is said what happened, and asked whether to record it again", async () => {
    await doubted();
    expect(status()).toHaveTextContent(`recorded. ${OUT}`);
    expect(status()).toHaveClass("status-warning");
    expect(screen.getByRole("heading", { name: "What was recorded" })).toHaveFocus();
    expect(question()).toHaveTextContent(OUT);
    expect(question()).toHaveTextContent("If the sign needs only the other hand, keep it.");
    expect(screen.getByText(new RegExp(`^more, \\d s, hands 100 %, \\d+ pictures a second\\. ${OUT}$`))).toBeVisible();
    await expectAccessible();
  });

  test("is recorded again with the same meaning, and the question is gone", async () => {
    const user = await doubted();
    const first = socket();
    expect(screen.getByLabelText("What is meant (optional)")).toHaveValue("");
    await user.click(button("Record again"));
    await waitFor(() => expect(FakeCaptureSocket.last).not.toBe(first));
    await serverDoes((it) => it.accept());
    expect(socket().messages[0]).toMatchObject({ annotation: { intent: "more" } });
    expect(question()).toBeNull();
    const about = { user_id: "demo-user", performer_id: "demo-carer", session_id: SESSION };
    const redo = { capture_id: first.messages[0]?.["capture_id"], verdict: "redo", reason: "left_hand_mostly_out" };
    await waitFor(() => expect(said()).toMatchObject([{ ...about, ...redo }]));
  });

  test("is kept if the person says so, and the next one is asked about again", async () => {
    const user = await doubted();
    await user.click(button("Keep"));
    expect([question(), screen.queryByText(/Record it again/)]).toEqual([null, null]);
    expect(screen.getByText(/^Kept: more, /)).toHaveFocus();
    await waitFor(() => expect(said()).toMatchObject([{ capture_id: captureId(), verdict: "keep" }]));
    expect(said()[0]).not.toHaveProperty("reason");
    await expectAccessible();
    await user.click(button("Capture “more” again"));
    await waitFor(() => expect(server.to(VALIDATE)).toHaveLength(2));
  });

  test("cannot be recorded again while the camera is off, and the page says why", async () => {
    const user = await doubted();
    await user.click(button("Turn the camera off"));
    expect(button("Record again")).toHaveAccessibleDescription("Turn the camera on first.");
    expect(button("Keep")).toHaveAccessibleDescription("");
  });
});

describe("an answer to the question that the server does not take", () => {
  test("is sent again as it is, is then said calmly, and can be sent again", async () => {
    const user = await doubted();
    server.on(REVIEW, unreachable);
    await user.click(button("Keep"));
    await waitFor(() => expect(said()).toHaveLength(1));
    await pass(6000);
    expect(alertOf("network_error")).toHaveTextContent("Your answer “Keep” for “more” is not in the log.");
    expect(alertOf("network_error")).toHaveTextContent("The recording itself is safe.");
    expect(alertOf("network_error")).toHaveClass("banner-warning");
    await expectAccessible();
    server.on(REVIEW, () => answer({}, 201));
    await user.click(button("Send it again"));
    await waitFor(() => expect(screen.getByText("The log has it now.")).toHaveFocus());
    expect(alertOf("network_error")).toBeUndefined();
    expect(said()).toHaveLength(4);
    expect(new Set(said().map(({ record_id }) => record_id)).size).toBe(1);
  });

  test("does not hold up the next capture, and is not in its way", async () => {
    const user = await doubted();
    server.on(REVIEW, unreachable);
    const first = socket();
    await user.click(button("Record again"));
    await waitFor(() => expect(FakeCaptureSocket.last).not.toBe(first));
    await serverDoes((it) => it.accept());
    await serverDoes((it) => it.progress());
    await pass(9000);
    expect(status()).toHaveTextContent("recording");
    const banner = screen.getByText(/Your answer “Record again” for “more” is not in the log/);
    expect(banner).not.toBeVisible();
    await user.click(button("Cancel"));
    expect(banner).toBeVisible();
  });

  test("is refused for good: the page says why, and offers no other attempt", async () => {
    const user = await doubted();
    server.on(REVIEW, () => refusal(409, "capture_erased"));
    await user.click(button("Keep"));
    await waitFor(() => expect(alertOf("capture_erased")).toHaveTextContent("is not in the log"));
    expect(screen.queryByRole("button", { name: "Send it again" })).toBeNull();
    expect(said()).toHaveLength(1);
  });
});

test("a good capture has no question", async () => {
  await recorded();
  expect(screen.queryByRole("button", { name: "Keep" })).toBeNull();
  expect(button("Capture again")).toBeVisible();
});

describe("leaving", () => {
  test("is asked about during a capture, and only then", async () => {
    await prepared();
    expect(leaves()).toBe(true);
    await act(async () => button(CAPTURE).click());
    await waitFor(() => expect(FakeCaptureSocket.last).toBeDefined());
    expect(leaves()).toBe(false);
    await serverDoes((it) => it.end(1006));
    expect(leaves()).toBe(true);
  });

  test("by a link is asked about", async () => {
    const confirm = vi.spyOn(window, "confirm").mockReturnValue(false);
    const { user } = await recording();
    window.history.replaceState(null, "", "/demo/gesture");
    const home = screen.getByRole("link", { name: "A3CP" });
    await user.click(home);
    expect(window.location.pathname).toBe("/demo/gesture");
    confirm.mockReturnValue(true);
    await user.click(home);
    expect(window.location.pathname).toBe("/");
    expect(confirm).toHaveBeenCalledTimes(2);
  });

  test("by the browser's way back is asked about", async () => {
    const confirm = vi.spyOn(window, "confirm").mockReturnValue(false);
    const moved = vi.fn<() => void>();
    window.addEventListener("popstate", moved);
    await recording();
    window.dispatchEvent(new PopStateEvent("popstate"));
    expect(confirm).toHaveBeenCalledOnce();
    expect(moved).not.toHaveBeenCalled();
    window.removeEventListener("popstate", moved);
  });

  test("the page ends the capture and lets the camera go", async () => {
    const { unmount } = await recording();
    unmount();
    expect(socket().closedWith).toBe(1000);
    expect(stream.track.stop).toHaveBeenCalled();
  });
});
