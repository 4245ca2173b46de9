import { act, screen, waitFor, within } from "@testing-library/react";

import { ERASING_MS } from "../library/useLibraryCapture";
import { expectAccessible } from "../test/axe";
import { recorded, serveLibrary } from "../test/library";
import { renderPage } from "../test/page";
import { answer, refusal, unreachable, type FakeServer } from "../test/server";
import { PersonPage } from "./PersonPage";

const SOME = [
  recorded(1),
  recorded(2, { consent: "refused", label: null }),
  recorded(3, { consent: "unknown" }),
  recorded(4, { state: "withdrawn", consent: "withdrawn" }),
  recorded(5, { state: "erased", consent: "withdrawn" }),
];

function open(captures = SOME, prepare?: (server: FakeServer) => void) {
  const server = serveLibrary(captures);
  prepare?.(server);
  return { server, ...renderPage(<PersonPage parameters={{ user_id: "u1" }} />) };
}

const items = () => within(screen.getByRole("list", { name: "Captures" })).getAllByRole("listitem");

test("it says in plain words what is kept", async () => {
  const { server } = open();
  expect(await screen.findByText("Of 5 captures, 3 are kept, 1 is withdrawn, 1 is erased.")).toBeVisible();
  expect(server.asked[0]?.path).toContain("participant=u1");
  const words = [/with a yes/, /with a no/, /No one said yes or no/, /Withdrawn/, /Erased/];
  for (const [place, item] of items().entries()) expect(item).toHaveTextContent(words[place] as RegExp);
  expect(screen.getAllByRole("button", { name: /^Withdraw (more|no label)/ })).toHaveLength(3);
  await expectAccessible();
});

test("it says until when a capture is kept, if there is an end", async () => {
  open([recorded(1, { kept_until: "2027-03-02T12:00:00.000Z" }), recorded(2)]);
  await screen.findByRole("list", { name: "Captures" });
  const [first, second] = items();
  expect(first).toHaveTextContent(/It will be erased on Mar 2, 2027\./);
  expect(second).not.toHaveTextContent(/will be erased/);
});

test("nothing is kept", async () => {
  open([]);
  expect(await screen.findByText("Nothing is kept.")).toBeVisible();
  expect(screen.getByRole("button", { name: "Withdraw everything" })).toHaveAccessibleDescription(/nothing left/);
});

test("one capture is withdrawn after a question, and the log keeps who did it", async () => {
  const { server, user } = open();
  await user.click((await screen.findAllByRole("button", { name: /^Withdraw more/ }))[0] as HTMLElement);
  expect(screen.getByRole("dialog", { name: "Withdraw “more”?" })).toHaveTextContent("Recorded on");
  await user.click(screen.getByRole("button", { name: "Cancel" }));
  await user.click(screen.getAllByRole("button", { name: /^Withdraw more/ })[0] as HTMLElement);
  await user.click(screen.getByRole("button", { name: "Withdraw 1 capture" }));
  await screen.findByText("Done: 5 captures withdrawn.");
  expect(server.to("POST /library/withdraw")[0]?.json).toMatchObject({
    capture_id: "c1",
    performer_id: "u1",
    erase: false,
  });
});

test("everything is withdrawn and erased; a repeat after a lost answer is the same request", async () => {
  const { server, user } = open();
  server.on("POST /library/withdraw", unreachable);
  async function all() {
    await user.click(await screen.findByRole("button", { name: "Withdraw everything" }));
    await user.click(screen.getByLabelText("Erase the files too"));
    await user.click(screen.getByRole("button", { name: "Withdraw and erase everything" }));
  }
  await screen.findByText(/^Of 5 captures/);
  await all();
  expect(await screen.findByText("network_error")).toBeVisible();
  server.on("POST /library/withdraw", () => answer({ withdrawn: 5, erasing: 4 }, 202));
  await all();
  await screen.findByText(/erases the files within a minute/);
  const [first, second] = server.to("POST /library/withdraw").map(({ json }) => json);
  expect(second).toEqual(first);
  expect(first).not.toHaveProperty("capture_id");
});

test("what was withdrawn before can be erased, and the page says when the file is gone", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  const captures = [recorded(1, { state: "withdrawn", consent: "withdrawn" }), recorded(2, { state: "erased" })];
  const { server, user } = open(captures);
  await user.click(await screen.findByRole("button", { name: "Erase everything" }));
  expect(screen.getByRole("dialog", { name: "Erase everything of u1?" })).toHaveTextContent("removes the files");
  await user.click(screen.getByRole("button", { name: "Cancel" }));
  await user.click(screen.getByRole("button", { name: /^Erase more/ }));
  expect(screen.queryByLabelText("Erase the files too")).toBeNull();
  await expectAccessible();
  await user.click(screen.getByRole("button", { name: "Erase 1 capture" }));
  await screen.findByText("Done: withdrawn. The server erases the files within a minute.");
  expect(server.to("POST /library/withdraw")[0]?.json).toMatchObject({ capture_id: "c1", erase: true });
  await act(() => vi.advanceTimersByTimeAsync(ERASING_MS));
  expect(screen.getByText(/within a minute\.$/)).toBeVisible();
  captures[0] = recorded(1, { state: "erased" });
  await act(() => vi.advanceTimersByTimeAsync(ERASING_MS));
  expect(await screen.findByText("Done: withdrawn, and the files are erased.")).toBeVisible();
  expect(screen.getByRole("button", { name: "Withdraw everything" })).toHaveAccessibleDescription(/nothing left/);
  const asked = server.asked.length;
  await act(() => vi.advanceTimersByTimeAsync(5 * ERASING_MS));
  expect(server.asked).toHaveLength(asked); // nothing is looked for any more
  vi.useRealTimers();
});

test("many captures come a few at a time, and their pictures can rest", async () => {
  const { user } = open(Array.from({ length: 30 }, (_, at) => recorded(at)));
  await waitFor(() => expect(items()).toHaveLength(24));
  await user.click(screen.getByRole("button", { name: "Show more" }));
  expect(items()).toHaveLength(30);
  await user.click(screen.getByRole("button", { name: "Stop the movement" }));
  expect(screen.getByRole("button", { name: "Show the movement" })).toBeVisible();
});

test("a list that cannot be read is told, and tried again", async () => {
  const { server, user } = open(SOME, (asked) => {
    asked.on("GET /library/captures", () => refusal(503, "library_not_ready"));
  });
  expect(await screen.findByText("library_not_ready")).toBeVisible();
  server.on("GET /library/captures", () => answer({ captures: SOME, next: null, total: 5 }));
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText(/^Of 5 captures/)).toBeVisible();
});
