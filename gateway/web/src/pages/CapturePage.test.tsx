import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { usePath } from "../navigation";
import { expectAccessible } from "../test/axe";
import { captureOf, FakeLibrary } from "../test/fakeLibrary";
import { renderPage } from "../test/page";
import { answer, FakeServer, refusal, unreachable } from "../test/server";
import { CapturePage } from "./CapturePage";

vi.setConfig({ testTimeout: 120_000 }); // each test finds many elements of a large page by their names, which is slow in jsdom

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  server = new FakeServer();
  vi.stubGlobal("matchMedia", () => ({
    matches: true, // less motion: nothing moves by itself
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
});
afterEach(() => {
  vi.useRealTimers();
});

const button = (name: RegExp | string) => screen.getByRole("button", { name });
const said = () => screen.getByRole("status", { name: "What happened" });
const place = () => screen.getByRole("navigation", { name: "Captures of the list" });
const title = () => screen.getByRole("heading", { level: 1 });
const alertOf = (code: string) => screen.getAllByRole("alert").find((alert) => alert.textContent?.includes(code));
const moment = () => screen.getByRole<HTMLInputElement>("slider", { name: /^Moment/ });

const type = (field: HTMLElement, value: string) => fireEvent.change(field, { target: { value } });
const at = (second: number) => ({ recorded_at: `2026-11-28T10:00:0${second}.000Z` });

/** As `App` does: the part of the path is the parameter. */
function Routed() {
  return <CapturePage parameters={{ capture_id: usePath().split("/").at(-1) ?? "" }} />;
}

const THREE = [captureOf("a"), captureOf("b", { label: null, participant: "ben" }), captureOf("c", { label: "less" })];

/** Opens the page of a capture, as bea. */
async function opened(library: FakeLibrary, id: string, { query = "", performer = "bea" } = {}) {
  sessionStorage.setItem("a3cp.performers", JSON.stringify(performer ? [performer] : []));
  window.history.replaceState(null, "", `/library/capture/${id}${query}`);
  const { user } = renderPage(<Routed />);
  await waitFor(() => expect(place()).toHaveTextContent(/ of \d|Not in this list/));
  if (library.captures.get(id)?.state === "kept") await screen.findByRole("slider", { name: /^Moment/ });
  return user;
}

describe("the page of a capture", () => {
  test("says what it is, what the server thinks, and what was said", async () => {
    const quality = { verdict: "check", reasons: ["left_hand_mostly_out"] } as never;
    const library = new FakeLibrary(server, [
      captureOf("a", { quality, participant: "ben", review: "keep", fps: null, frames: 1, duration_ms: 0 }),
    ]);
    await opened(library, "a");
    expect(title()).toHaveTextContent("more");
    expect(screen.getByText(/^ben, .*2026.*, 0 s$/)).toBeVisible();
    expect(screen.getByText("The left hand was out of the picture for most of it.")).toBeVisible();
    expect(screen.getByText(/If the sign needs only the other hand, keep it/)).toBeVisible();
    expect(screen.getByText(/recorded under anna/)).toBeVisible();
    expect(screen.getByText(/1 picture$/)).toBeVisible();
    expect(screen.getByText("not known")).toBeVisible();
    expect(screen.getByText("Recorded.")).toBeVisible();
    expect(button(/^Keep/)).toHaveAttribute("aria-pressed", "true");
    await expectAccessible();
  });

  test("a capture without a label and without a quality has words for that", async () => {
    await opened(new FakeLibrary(server, [captureOf("a", { label: null, quality: null })]), "a");
    expect(title()).toHaveTextContent("no label");
    expect(screen.getByText("The server did not measure this capture.")).toBeVisible();
    expect(screen.getByLabelText("What is meant")).toHaveValue("");
    expect(screen.getByText("15.0, 15 were asked for")).toBeVisible();
  });

  test("an unknown capture is said, and can be asked for again", async () => {
    const library = new FakeLibrary(server, THREE);
    server.on("GET /library/captures/a", () => refusal(404, "unknown_capture"));
    window.history.replaceState(null, "", "/library/capture/a");
    const { user } = renderPage(<Routed />);
    await waitFor(() => expect(alertOf("unknown_capture")).toBeVisible());
    server.on("GET /library/captures/a", () => answer(library.captures.get("a")));
    await user.click(button("Load it again"));
    await waitFor(() => expect(title()).toHaveTextContent("more"));
    expect(alertOf("unknown_capture")).toBeUndefined();
  });
});

describe("the movement", () => {
  test("can be gone through moment by moment, and says what is in it", async () => {
    const user = await opened(new FakeLibrary(server, THREE), "a");
    expect(moment()).toHaveAttribute("aria-valuetext", "0.0 of 0.5 seconds");
    moment().focus();
    for (const [value, note] of [
      ["3", "This picture was damaged."],
      ["4", "Nothing was found in this picture."],
    ]) {
      fireEvent.change(moment(), { target: { value } });
      expect(screen.getByText(String(note))).toBeVisible();
    }
    const left = screen.getByRole("row", { name: /^Left hand/ });
    expect(within(left).getByRole("img")).toHaveAccessibleName(
      "40 %, not seen from 0.0 to 0.1 s, from 0.3 to 0.4 s and from 0.4 to 0.5 s",
    );
    expect(screen.getByText(/1 damaged picture/)).toBeVisible();
    await user.selectOptions(screen.getByLabelText("Speed"), "half");
    expect(screen.getByLabelText("Speed")).toHaveValue("0.5");
  });

  test("is started and stopped by a button and by a key", async () => {
    const user = await opened(new FakeLibrary(server, THREE), "a");
    await user.click(button(/^Play/));
    expect(button(/^Stop the movement/)).toBeVisible();
    await user.keyboard("m");
    expect(button(/^Play/)).toBeVisible();
  });

  test("that does not come can be asked for again", async () => {
    const library = new FakeLibrary(server, THREE);
    const path = "GET /library/captures/a/motion?detail=full";
    server.on(path, unreachable);
    window.history.replaceState(null, "", "/library/capture/a");
    const { user } = renderPage(<Routed />);
    await waitFor(() => expect(alertOf("network_error")).toBeVisible());
    library.serve();
    await user.click(button("Load it again"));
    expect(await screen.findByRole("slider", { name: /^Moment/ })).toBeVisible();
  });

  test("of a capture that was withdrawn meanwhile is no failure: the page says that it is gone", async () => {
    const library = new FakeLibrary(server, THREE);
    server.on("GET /library/captures/a/motion?detail=full", () => {
      library.change("a", { state: "withdrawn", consent: "withdrawn" });
      return refusal(410, "capture_withdrawn");
    });
    window.history.replaceState(null, "", "/library/capture/a");
    renderPage(<Routed />);
    expect(await screen.findByRole("heading", { name: "This capture is withdrawn" })).toBeVisible();
    expect(alertOf("capture_withdrawn")).toBeUndefined();
  });
});

describe("a verdict", () => {
  test("is in the log, is shown at once, and is taken back with one more event", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    await user.click(button(/^Keep/));
    expect(said()).toHaveTextContent("more: keep.");
    expect(button(/^Keep/)).toHaveAttribute("aria-pressed", "true");
    await waitFor(() => expect(screen.getByText("Judged: keep.")).toBeVisible());
    expect(library.said).toMatchObject([{ capture_id: "a", verdict: "keep", performer_id: "bea", user_id: "anna" }]);
    await user.click(button(/^Undo/));
    expect(said()).toHaveTextContent("Undone. more: not reviewed.");
    await waitFor(() => expect(library.said).toMatchObject([{}, { capture_id: "a", verdict: null }]));
    expect(button(/^Keep/)).toHaveAttribute("aria-pressed", "false");
    expect(screen.queryByRole("button", { name: /^Undo/ })).toBeNull();
  });

  test("“record again” carries what the server doubts", async () => {
    const quality = { verdict: "poor", reasons: ["no_hand", "pauses"] } as never;
    const library = new FakeLibrary(server, [captureOf("a", { quality })]);
    const user = await opened(library, "a");
    await user.click(button(/^Record again/));
    await waitFor(() => expect(library.said).toMatchObject([{ verdict: "redo", reason: "no_hand, pauses" }]));
    expect(await screen.findByText(/^Judged: record again\. No hand was in the picture.* or more\.$/)).toBeVisible();
  });

  test("“reject” asks why, and the answer may be empty", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    await user.click(button(/^Reject …/));
    const dialog = screen.getByRole("dialog", { name: "Reject this capture?" });
    await user.type(within(dialog).getByLabelText("Why? (optional)"), " another hand {Enter}");
    await waitFor(() => expect(library.said).toMatchObject([{ verdict: "reject", reason: "another hand" }]));
    expect(await screen.findByText("Judged: reject, because: another hand.")).toBeVisible();
    expect(screen.queryByRole("dialog")).toBeNull();

    await user.click(button(/^Undo/));
    await user.click(button(/^Reject …/));
    await user.click(button("Cancel"));
    await user.click(button(/^Reject …/));
    await user.click(button("Reject it"));
    await waitFor(() => expect(library.said).toHaveLength(3));
    expect(library.said[2]).not.toHaveProperty("reason");
  });

  test("needs to know who says it, and says so", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a", { performer: "" });
    await user.click(button(/^Keep/));
    expect(said()).toHaveTextContent("Enter first who you are.");
    expect(screen.getByLabelText("You (performer_id)")).toHaveFocus();
    await user.click(button(/^Reject/));
    expect(screen.queryByRole("dialog")).toBeNull();
    await user.keyboard("bea");
    await user.click(button(/^Reject/));
    await user.click(button("Reject it"));
    await waitFor(() => expect(library.said).toMatchObject([{ performer_id: "bea", verdict: "reject" }]));
  });

  test("that the server does not take is said, is not shown, and can be sent again", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    server.on("POST /library/review", () => refusal(409, "not_recorded"));
    await user.click(button(/^Keep/));
    await act(() => vi.advanceTimersByTimeAsync(6_000));
    expect(alertOf("not_recorded")).toHaveTextContent("“more: keep” is not in the log. The recording itself is safe.");
    expect(button(/^Keep/)).toHaveAttribute("aria-pressed", "false");
    expect(screen.queryByRole("button", { name: /^Undo/ })).toBeNull();
    library.serve();
    await user.click(button("Send it again"));
    await waitFor(() => expect(button(/^Keep/)).toHaveAttribute("aria-pressed", "true"));
  });

  test("that cannot be undone now can be undone later", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    await user.click(button(/^Keep/));
    await waitFor(() => expect(screen.getByText("Judged: keep.")).toBeVisible());
    server.on("POST /library/review", () => refusal(409, "capture_erased"));
    await user.click(button(/^Undo/));
    await waitFor(() => expect(alertOf("capture_erased")).toBeVisible());
    expect(button(/^Undo/)).toBeVisible();
    expect(button(/^Keep/)).toHaveAttribute("aria-pressed", "true");
  });
});

describe("a correction", () => {
  test("of the label and of the person is in the log, and can be undone", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    expect(button("Change the label")).toHaveAccessibleDescription("It has this label.");
    expect(button("Change the person")).toHaveAccessibleDescription("It shows this person.");
    const [label, person] = [screen.getByLabelText("What is meant"), screen.getByLabelText("Who is shown")];
    type(label, " ");
    expect(button("Change the label")).toHaveAccessibleDescription("Enter a label.");
    type(person, "");
    expect(button("Change the person")).toHaveAccessibleDescription("Enter a person.");
    type(person, "ben b");
    expect(button("Change the person")).toHaveAccessibleDescription("Correct the name first.");
    type(person, "ben");
    type(label, "less ");
    await user.click(button("Change the label"));
    await waitFor(() => expect(title()).toHaveTextContent("less"));
    expect(person).toHaveValue("ben");
    type(label, "lesser");
    await user.click(button("Change the person"));
    await waitFor(() => expect(library.said).toMatchObject([{ intent: "less" }, { participant: "ben" }]));
    expect(label).toHaveValue("lesser");
    await user.click(button(/^Undo/));
    await waitFor(() => expect(library.said).toMatchObject([{}, {}, { participant: "anna" }]));
  });

  test("of a capture without a label keeps what is typed for the other field", async () => {
    const library = new FakeLibrary(server, [captureOf("a", { label: null })]);
    const user = await opened(library, "a");
    await user.type(screen.getByLabelText("Who is shown"), "2{Enter}");
    await waitFor(() => expect(library.said).toMatchObject([{ participant: "anna2" }]));
    await user.type(screen.getByLabelText("What is meant"), "more{Enter}");
    await waitFor(() => expect(library.said).toMatchObject([{}, { intent: "more" }]));
  });
});

describe("a withdrawal", () => {
  test("is asked about, and then the page says what is gone", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    await user.click(button("Withdraw …"));
    const dialog = screen.getByRole("dialog", { name: "Withdraw this capture?" });
    expect(dialog).toHaveTextContent("This cannot be undone.");
    await user.click(button("Cancel"));
    expect(library.said).toEqual([]);
    await user.click(button("Withdraw …"));
    await user.click(button("Withdraw it"));
    expect(await screen.findByRole("heading", { name: "This capture is withdrawn" })).toBeVisible();
    expect(library.said).toMatchObject([{ capture_id: "a", erase: false }]);
    expect(screen.getByText(/Consent was withdrawn on .*2026/)).toBeVisible();
    expect(screen.queryByRole("slider", { name: /^Moment/ })).toBeNull();
    expect(screen.queryByRole("button", { name: /^Undo/ })).toBeNull();
    await user.keyboard("k");
    expect(said()).toHaveTextContent("It is withdrawn, so there is nothing to judge.");
    await expectAccessible();

    await user.click(button("Erase its file …"));
    await user.click(button("Erase it"));
    expect(await screen.findByText(/Its file is being erased/)).toBeVisible();
    expect(screen.queryByRole("button", { name: /Erase/ })).toBeNull();
  });

  test("with an erasure ends with the file gone, and the page notices by itself", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    await user.click(button("Withdraw and erase …"));
    expect(screen.getByRole("dialog", { name: "Erase this capture?" })).toHaveTextContent("This cannot be undone.");
    await user.click(button("Erase it"));
    expect(await screen.findByText(/Its file is being erased/)).toBeVisible();
    expect(library.said).toMatchObject([{ erase: true }]);
    const { history } = library.captures.get("a") ?? captureOf("a");
    const gone = { ...history[0], event: "capture.erased" } as (typeof history)[number];
    library.change("a", { state: "erased", history: [...history, gone] });
    expect(await screen.findByRole("heading", { name: "This capture is erased" })).toBeVisible();
    expect(screen.getByText(/The file with the landmarks was removed from the server on .*2026/)).toBeVisible();
    expect(screen.queryByRole("heading", { name: "Consent" })).toBeNull();
  });

  test("whose event is older than the history is said without its day", async () => {
    await opened(new FakeLibrary(server, [captureOf("a", { state: "erased", history: [] })]), "a");
    expect(screen.getByText("The file with the landmarks was removed from the server.")).toBeVisible();
  });

  test("that the server does not take is said to be none", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    server.on("POST /library/withdraw", () => refusal(409, "capture_erased"));
    await user.click(button("Withdraw …"));
    await user.click(button("Withdraw it"));
    await waitFor(() => expect(alertOf("capture_erased")).toHaveTextContent("The capture is not withdrawn yet."));
    expect(moment()).toBeVisible();
  });
});

describe("the keyboard", () => {
  test("judges one capture after the other, and says each", async () => {
    const library = new FakeLibrary(server, THREE, ["review=none&limit=60"]);
    const user = await opened(library, "a", { query: "?review=none" });
    expect(place()).toHaveTextContent("1 of 3");
    await user.keyboard("k");
    expect(said()).toHaveTextContent("more: keep.");
    await user.keyboard("n");
    expect(said()).toHaveTextContent("no label, ben, 4 s, good, not reviewed.");
    await waitFor(() => expect(title()).toHaveTextContent("no label"));
    expect(window.location.search).toBe("?review=none");
    expect(place()).toHaveTextContent("2 of 3");
    await user.keyboard("rn");
    await waitFor(() => expect(title()).toHaveTextContent("less"));
    await user.keyboard("x");
    await user.click(button("Reject it"));
    await user.keyboard("n");
    expect(said()).toHaveTextContent("This is the last capture of the list.");
    await waitFor(() =>
      expect(library.said).toMatchObject([
        { capture_id: "a", verdict: "keep" },
        { capture_id: "b", verdict: "redo" },
        { capture_id: "c", verdict: "reject" },
      ]),
    );
    await user.keyboard("pp");
    await waitFor(() => expect(place()).toHaveTextContent("1 of 3"));
    await user.keyboard("p");
    expect(said()).toHaveTextContent("This is the first capture of the list.");
  });

  test("undoes, also on the page of the next capture, and goes back to it", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    await user.keyboard("u");
    expect(said()).toHaveTextContent("There is nothing to undo.");
    await user.keyboard("knu");
    expect(said()).toHaveTextContent("Undone. more: not reviewed.");
    await waitFor(() => expect(library.said).toMatchObject([{ verdict: "keep" }, { verdict: null, capture_id: "a" }]));
    await waitFor(() => expect(place()).toHaveTextContent("1 of 3"));
  });

  test("goes on by itself after a verdict, if the person wants that", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    await user.keyboard("?");
    const help = screen.getByRole("dialog", { name: "Judging with the keyboard" });
    expect(help).toHaveTextContent("Next capture of the list");
    await expectAccessible();
    await user.click(screen.getByLabelText("Go on to the next capture after a verdict"));
    await user.click(button("Close"));
    await user.keyboard("k");
    await waitFor(() => expect(title()).toHaveTextContent("no label"));
    expect(said()).toHaveTextContent("more: keep. no label, ben");
    await waitFor(() => expect(library.said).toHaveLength(1));
  });

  test("can be switched off, and does nothing then", async () => {
    const library = new FakeLibrary(server, THREE);
    const user = await opened(library, "a");
    await user.click(button(/^Keys/));
    await user.click(screen.getByLabelText("The keys are on"));
    await user.click(button("Close"));
    expect(button("Keep")).not.toHaveAttribute("aria-keyshortcuts");
    await user.keyboard("k?n");
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(library.said).toEqual([]);
    expect(place()).toHaveTextContent("1 of 3");
    await user.click(button("Keep"));
    expect(button("Undo")).not.toHaveAttribute("aria-keyshortcuts");
  });

  test("says that nothing changes if a verdict is the one that it has", async () => {
    const library = new FakeLibrary(server, [captureOf("a", { review: "keep" })]);
    const user = await opened(library, "a");
    await user.keyboard("k");
    expect(said()).toHaveTextContent("Nothing to change. more: keep.");
    expect(library.said).toEqual([]);
  });

  test("waits for a capture that is not loaded yet", async () => {
    const library = new FakeLibrary(server, THREE);
    server.on("GET /library/captures/a", () => new Promise<Response>(() => undefined));
    server.on("GET /library/captures?limit=60", () => new Promise<Response>(() => undefined));
    window.history.replaceState(null, "", "/library/capture/a");
    const { user } = renderPage(<Routed />);
    await user.keyboard("k");
    await user.keyboard("n");
    expect(said()).toHaveTextContent("The list is still being loaded.");
    expect(library.said).toEqual([]);
  });
});

test("a capture that its list does not have any more has its place between the others", async () => {
  const library = new FakeLibrary(server, [
    captureOf("a", at(9)),
    captureOf("b", { label: null, ...at(5) }),
    captureOf("c", { label: "less", ...at(1) }),
  ]);
  server.on("GET /library/captures?review=none&limit=60", () =>
    answer({ captures: [library.captures.get("a"), library.captures.get("c")], next: null, total: 2 }),
  );
  const user = await opened(library, "b", { query: "?review=none" });
  expect(place()).toHaveTextContent("Not in this list of 2");
  await user.keyboard("p");
  await waitFor(() => expect(title()).toHaveTextContent("more"));
});

test("as much of the list is loaded as it takes to know the next capture", async () => {
  const library = new FakeLibrary(server, THREE);
  server
    .on("GET /library/captures?limit=60", () => answer({ captures: [library.captures.get("a")], next: "2", total: 3 }))
    .on("GET /library/captures?cursor=2&limit=200", () =>
      answer({ captures: [library.captures.get("b")], next: "3", total: 3 }),
    );
  const user = await opened(library, "a");
  await waitFor(() => expect(screen.getByRole("link", { name: /^Next/ })).toHaveAttribute("href"));
  expect(server.to("GET /library/captures?cursor=3&limit=200")).toEqual([]);
  await user.click(screen.getByRole("link", { name: /^Next/ }));
  await waitFor(() => expect(place()).toHaveTextContent("2 of 3"));
});
