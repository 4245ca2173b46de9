import { screen, waitFor, within } from "@testing-library/react";

import type { DeadItem, DeadItemWhole } from "../api/messages";
import { expectAccessible } from "../test/axe";
import { renderPage } from "../test/page";
import { answer, FakeServer, refusal } from "../test/server";
import { OperatePage } from "./OperatePage";

const ITEM: DeadItem = {
  id: "1700000000000-0",
  kind: "event",
  dead_at: "2026-11-28T12:00:00.000Z",
  reason: "missing_session_path",
  detail: "the session's directory does not exist",
  user_id: "ana",
  session_id: "sess_0123456789abcdef",
  record_id: "r",
  capture_id: "",
  event: "note",
  byte_length: 100,
};
const CAPTURE: DeadItem = { ...ITEM, id: "capture:c1", kind: "capture", reason: "extraction_failed" };
const WHOLE: DeadItemWhole = {
  ...ITEM,
  explanation: "The directory did not exist.",
  advice: "Restore the directory.",
  loss: "The event is then never in its session's log.",
  refusal: "the session's directory does not exist",
  content: '{"event":"note"}',
};

let server: FakeServer;

beforeEach(() => {
  server = new FakeServer()
    .on("GET /operate/dead", () => answer({ items: [CAPTURE, ITEM], total: 3, next: "1700000000000-0" }))
    .on("GET /operate/dead/1700000000000-0", () => answer(WHOLE))
    .on("GET /operate/dead?cursor=1700000000000-0", () =>
      answer({ items: [{ ...ITEM, id: "1600000000000-0", reason: "new_reason" }], total: 3 }),
    );
});

async function entry(reason: string): Promise<HTMLElement> {
  const heading = await screen.findByRole("heading", { name: reason });
  return heading.closest("li") as HTMLElement;
}

const press = (inside: HTMLElement, name: RegExp) => within(inside).getByRole("button", { name });

test("each entry says why in words, older ones come on demand, and one is shown whole", async () => {
  const { user } = renderPage(<OperatePage />);
  const item = await entry("The session’s folder was missing");
  expect(screen.getByRole("heading", { name: "The extraction of the capture failed" })).toBeVisible();
  expect(screen.getByRole("status")).toHaveTextContent("3 entries, the newest first.");
  await user.click(press(item, /^Show/));
  expect(await within(item).findByText("Restore the directory.")).toBeVisible();
  expect(within(item).getByText(/^Yes: the session's directory/)).toBeVisible();
  expect(within(item).getByText('{"event":"note"}')).toBeVisible();
  await expectAccessible();
  await user.click(press(item, /^Hide/));
  expect(within(item).queryByText("Restore the directory.")).toBeNull();
  server.on("GET /operate/dead/1700000000000-0", () => answer({ ...WHOLE, refusal: "" }));
  await user.click(press(item, /^Show/));
  expect(await within(item).findByText("No, as far as the server can see.")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Show older ones" }));
  expect(await screen.findByRole("heading", { name: "Reason: new_reason" })).toBeVisible();
  expect(screen.queryByRole("button", { name: "Show older ones" })).toBeNull();
});

test("a try that would fail again says why, and one that does not leaves the list", async () => {
  const path = "POST /operate/dead/1700000000000-0/retry";
  server.on(path, () => refusal(409, "would_fail_again", "the session's directory is away"));
  const { user } = renderPage(<OperatePage />);
  const item = await entry("The session’s folder was missing");
  await user.click(press(item, /^Try again/));
  expect(await within(item).findByText(/It would fail again.*directory is away/)).toBeVisible();
  server.on(path, () => refusal(404, "unknown_dead_letter"));
  await user.click(press(item, /^Try again/));
  expect(await within(item).findByText(/not in the list any more/)).toBeVisible();
  server.on(path, () => answer({ id: ITEM.id, retried_at: ITEM.dead_at }));
  await user.click(press(item, /^Try again/));
  await waitFor(() => expect(item).not.toBeInTheDocument());
  expect(screen.getByRole("status")).toHaveTextContent("It is on its way again. 2 entries");
  expect(screen.getByRole("status")).toHaveFocus();
});

test("a drop asks first, and says what is lost", async () => {
  server.on("POST /operate/dead/1700000000000-0/drop", () => answer({ id: ITEM.id, dropped_at: ITEM.dead_at }));
  const { user } = renderPage(<OperatePage />);
  const item = await entry("The session’s folder was missing");
  await user.click(press(item, /^Drop/));
  const dialog = await screen.findByRole("dialog", { name: "Drop this for good?" });
  expect(dialog).toHaveTextContent("never in its session's log");
  await expectAccessible();
  await user.click(within(dialog).getByRole("button", { name: "Cancel" }));
  expect(item).toBeInTheDocument();
  await user.click(press(item, /^Drop/));
  await user.click(await screen.findByRole("button", { name: "Drop it" }));
  await waitFor(() => expect(item).not.toBeInTheDocument());
  expect(screen.getByRole("status")).toHaveTextContent("It is dropped.");
});

test("an empty list says so, and a failure can be tried again", async () => {
  server.on("GET /operate/dead", () => refusal(503, "broker_unavailable"));
  const { user } = renderPage(<OperatePage />);
  await screen.findByText("broker_unavailable");
  server.on("GET /operate/dead", () => answer({ items: [], total: 0 }));
  await user.click(screen.getByRole("button", { name: "Read the list again" }));
  expect(await screen.findByText(/Everything was recorded/)).toBeVisible();
});
