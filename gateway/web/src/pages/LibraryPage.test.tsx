import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import type { UserEvent } from "@testing-library/user-event";

import { navigate, usePath } from "../navigation";
import { expectAccessible } from "../test/axe";
import { MOTION, recorded, serveLibrary } from "../test/library";
import { renderPage } from "../test/page";
import { answer, refusal, unreachable, type FakeServer } from "../test/server";
import { LibraryPage } from "./LibraryPage";

const OTHER = { session_id: "sess_fedcba9876543210", user_id: "u2", participant: "u2" };
const SOME = [
  recorded(1),
  recorded(2, { label: null, quality: null, consent: "unknown" }),
  recorded(3, { review: "reject", consent: "refused" }),
  recorded(4, { ...OTHER, state: "withdrawn", consent: "withdrawn" }),
  recorded(5, { ...OTHER, state: "erased", consent: "withdrawn" }),
];

interface Options {
  readonly performers?: readonly string[];
  readonly prepare?: (server: FakeServer) => void;
}

function open(captures = SOME, query = "", { performers = ["bea"], prepare }: Options = {}) {
  sessionStorage.setItem("a3cp.performers", JSON.stringify(performers));
  window.history.replaceState(null, "", `/library${query}`);
  const server = serveLibrary(captures).on("GET /library/captures/c1/motion", () => answer(MOTION));
  prepare?.(server);
  return { server, ...renderPage(<LibraryPage />) };
}

const counting = (server: FakeServer) =>
  server.on("GET /library/summary", () => answer({ total: 5, sessions: 1, user: {}, participant: {}, label: {} }));
const broken = (server: FakeServer) => server.on("GET /library/summary", () => refusal(503, "library_unavailable"));
const cells = () => screen.getAllByRole("gridcell").length;
const grid = () => screen.findByRole("grid", { name: "Captures" });
const cell = (place: number) =>
  screen.getAllByRole("gridcell").find(({ dataset }) => dataset["place"] === String(place));
const selected = () => screen.queryAllByRole("gridcell", { selected: true }).map(({ dataset }) => dataset["place"]);
const press = (user: UserEvent, name: string) => user.click(screen.getByRole("button", { name }));
const box = (place: number) => within(cell(place) as HTMLElement).getByRole("checkbox");
const said = () => screen.getByRole("region", { name: "Selected captures" });
const verdicts = (server: FakeServer) =>
  server.to("POST /library/review").map(({ json }) => (json as { verdict: string | null }).verdict);

test("the captures are there with their sessions, in words and pictures", async () => {
  open();
  await grid();
  expect(cell(0)).toHaveAccessibleName(
    /^more u1 .*2026.*, 2 s, consent yes, kept, quality good not reviewed Select it$/,
  );
  expect(screen.getAllByRole("heading", { level: 3, name: /^u[12],/ })).toHaveLength(2);
  expect(within(cell(0) as HTMLElement).getByRole("link")).toHaveAttribute("href", "/library/capture/c1");
  await waitFor(() => expect(cell(1)).toHaveTextContent("No picture"));
  expect(cell(1)).toHaveTextContent("consent: ?");
  expect(cell(2)).toHaveTextContent("consent: no");
  expect(cell(3)).toHaveTextContent("Withdrawn");
  expect(cell(4)).toHaveTextContent("Erased");
  expect(screen.getByText("5 captures")).toBeVisible();
  await expectAccessible();
});

const countOf = (name: string) => screen.getByText(name, { selector: ".count-name" });

test("with nothing recorded it says so, and leads to what records", async () => {
  open([]);
  expect(await screen.findByRole("heading", { name: "Nothing is recorded yet" })).toBeVisible();
  expect(screen.queryByRole("search")).toBeNull();
  expect(screen.getByRole("link", { name: "Upload a video" })).toHaveAttribute("href", "/upload");
  await expectAccessible();
});

test("if no filter matches it says so, and all captures are one press away", async () => {
  const { user } = open([], "?label=nothing", { prepare: counting });
  expect(await screen.findByRole("heading", { name: "No capture matches" })).toBeVisible();
  await press(user, "Show all captures");
  expect(window.location.search).toBe("");
  expect(await screen.findByRole("heading", { name: "There is no capture" })).toBeVisible();
});

test("filters are in the address, with the counts of their values", async () => {
  const { server, user } = open();
  await grid();
  await user.click(countOf("u1"));
  expect(window.location.search).toBe("?participant=u1");
  expect(await screen.findByText("Page for u1")).toHaveAttribute("href", "/library/person/u1");
  await user.selectOptions(screen.getByLabelText("Quality"), "good (4)");
  fireEvent.change(screen.getByLabelText("From"), { target: { value: "2026-01-31" } });
  await waitFor(() => expect(server.asked.some(({ path }) => path.includes("quality=good"))).toBe(true));
  expect(screen.getByRole("list", { name: "Active filters" })).toHaveTextContent("person: u1");
  await user.selectOptions(screen.getByLabelText("Quality"), "any");
  await user.click(countOf("u1"));
  expect(window.location.search).toBe("?since=2026-01-31");
});

test("a search is in the address when the person stops typing, and is removed with its filter", async () => {
  open(SOME, "?review=none&until=2026-02-01");
  await grid();
  fireEvent.change(screen.getByLabelText("Search"), { target: { value: "mo re" } });
  await waitFor(() => expect(window.location.search).toContain("search=mo+re"));
  const active = screen.getByRole("list", { name: "Active filters" });
  for (const words of ["verdict: not reviewed", "search: mo re", "to: 2026-02-01"])
    expect(active).toHaveTextContent(words);
  fireEvent.click(within(active).getByText(/search: mo re/));
  expect(screen.getByLabelText("Search")).toHaveValue("");
  fireEvent.click(screen.getByText("Remove all filters"));
  expect(window.location.search).toBe("");
});

test("a shared address has every filter, in words", async () => {
  open(SOME, "?user_id=u1&session_id=sess_0123456789abcdef&label=&consent=given&state=kept&search=a");
  await grid();
  const active = screen.getByRole("list", { name: "Active filters" });
  for (const words of ["recorded as: u1", "session: sess_", "label: no label", "consent: yes", "state: kept"])
    expect(active).toHaveTextContent(words);
  expect(screen.getByLabelText("Search")).toHaveValue("a");
});

test("the most frequent value is the first one, also if others are numbers", async () => {
  open([recorded(1, { participant: "7" }), recorded(2, { participant: "ben" }), recorded(3, { participant: "ben" })]);
  await grid();
  const people = screen.getByRole("region", { name: "People", hidden: true });
  expect(
    within(people)
      .getAllByRole("button", { hidden: true })
      .map(({ textContent }) => textContent),
  ).toEqual(["ben 2", "7 1"]);
});

test("a date that is being typed leaves no trail in the browser's history", async () => {
  open();
  await grid();
  const { length } = window.history;
  for (const value of ["0002-01-01", "0020-01-01", "2026-01-01"]) {
    fireEvent.change(screen.getByLabelText("To"), { target: { value } });
  }
  expect(window.location.search).toBe("?until=2026-01-01");
  expect(window.history).toHaveLength(length);
});

test("many values are shown if asked for", async () => {
  const { user } = open(Array.from({ length: 12 }, (_, at) => recorded(at, { label: `sign-${at}` })));
  await grid();
  expect(screen.queryByRole("button", { name: /^sign-9/, hidden: true })).toBeNull();
  await user.click(screen.getByRole("button", { name: "Show all 12 labels", hidden: true }));
  expect(screen.getByRole("button", { name: /^sign-9/, hidden: true })).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "Show fewer", hidden: true }));
  expect(screen.queryByRole("button", { name: /^sign-9/, hidden: true })).toBeNull();
});

test("the keyboard moves, selects and opens", async () => {
  const { user } = open();
  await grid();
  act(() => cell(0)?.focus());
  await user.keyboard("{ArrowRight} ");
  expect(cell(1)).toHaveFocus();
  expect(cell(1)).toHaveAttribute("tabindex", "0");
  expect(cell(0)).toHaveAttribute("tabindex", "-1");
  expect(selected()).toEqual(["1"]);
  await user.keyboard("{Control>}{End}{/Control}{Shift>} {/Shift}");
  expect(selected()).toEqual(["1", "2", "3", "4"]);
  await user.keyboard("x{Escape}");
  expect(selected()).toEqual([]);
  await user.keyboard("{Control>}a{/Control}");
  await waitFor(() => expect(selected()).toHaveLength(5));
  await user.keyboard("{Home}{Enter}");
  expect(window.location.pathname).toBe("/library/capture/c4");
});

test("the whole list is selected, also what is not loaded yet, or nothing", async () => {
  const { server, user } = open(Array.from({ length: 1000 }, (_, at) => recorded(at)));
  await grid();
  act(() => cell(0)?.focus());
  await user.keyboard("{Control>}a{/Control}");
  expect(await screen.findByText(`${(1000).toLocaleString()} captures`, { selector: "strong" })).toBeVisible();
  await press(user, "Clear");
  server.on("GET /library/captures", unreachable);
  await press(user, "Reload");
  await screen.findByText("network_error");
  const fromStart = () => server.to("GET /library/captures?limit=500").length;
  const before = fromStart();
  await press(user, "Select all");
  await waitFor(() => expect(fromStart()).toBe(before + 1));
  await screen.findByText("network_error");
  expect(screen.queryByRole("button", { name: "Clear" })).toBeNull();
});

test("the mouse selects one, a range, a session, all and none", async () => {
  const { user } = open();
  await grid();
  await user.click(box(0));
  expect(cell(0)).toHaveFocus(); // so that the keys of the grid work from here
  await user.keyboard("{Shift>}");
  await user.click(box(2));
  await user.keyboard("{/Shift}");
  expect(selected()).toEqual(["0", "1", "2"]);
  await user.click(box(1));
  expect(selected()).toEqual(["0", "2"]);
  await press(user, "Clear");
  await user.click(screen.getByRole("button", { name: /^Select these 2 of the session, that of u2/ }));
  expect(selected()).toEqual(["3", "4"]);
  screen.getByRole("button", { name: /^Deselect these 2/ }).focus();
  await user.keyboard("{Enter}"); // a button in the grid has its own keys
  expect(selected()).toEqual([]);
  await press(user, "Select all");
  await waitFor(() => expect(selected()).toHaveLength(5));
  await user.click(screen.getByRole("button", { name: /^Only this session, that of u2/ }));
  expect(window.location.search).toBe("?session_id=sess_fedcba9876543210");
});

test("a verdict on many is one event each, is shown at once, and can be undone", async () => {
  const { server, user } = open();
  await grid();
  await press(user, "Select all");
  await waitFor(() => expect(selected()).toHaveLength(5));
  await press(user, "Keep");
  await waitFor(() => expect(said()).toHaveTextContent("3 captures: keep. 2 are withdrawn or erased."));
  expect(verdicts(server)).toEqual(["keep", "keep", "keep"]); // there is nothing to judge in what is gone
  expect(server.to("POST /library/review")[0]?.json).toMatchObject({ performer_id: "bea", user_id: "u1" });
  expect(cell(2)).toHaveAccessibleName(/ quality good keep /);
  await expectAccessible();
  await press(user, "Undo");
  await waitFor(() => expect(said()).toHaveTextContent("Undone for 3."));
  expect(cell(2)).toHaveAccessibleName(/ quality good reject /);
  expect(
    verdicts(server)
      .slice(3)
      .filter((verdict) => verdict === null),
  ).toHaveLength(2);
  expect(screen.queryByRole("button", { name: "Undo" })).toBeNull();
  expect(said()).toHaveFocus(); // the button that had it is gone
  await press(user, "Close");
  expect(said()).toHaveFocus();
  await press(user, "Clear");
  expect(said()).toHaveClass("bulk-idle");
  expect(cell(0)).toHaveFocus();
});

test("the way back is still there after another filter", async () => {
  const { server, user } = open();
  await grid();
  await user.click(box(0));
  await press(user, "Keep");
  await waitFor(() => expect(said()).toHaveTextContent("1 capture: keep."));
  await user.click(countOf("u1"));
  await waitFor(() => expect(window.location.search).toBe("?participant=u1"));
  await press(user, "Undo");
  await waitFor(() => expect(said()).toHaveTextContent("Undone for 1."));
  expect(verdicts(server)).toEqual(["keep", null]);
  await press(user, "Close");
  expect(said()).toHaveClass("bulk-idle");
});

test("while many are sent, the numbers are not read out one by one", async () => {
  const { server, user } = open();
  await grid();
  const answers: (() => void)[] = [];
  server.on("POST /library/review", () => new Promise((tell) => answers.push(() => tell(answer({}, 201)))));
  await press(user, "Select all");
  await press(user, "Keep");
  const status = within(said()).getByRole("status");
  await waitFor(() => expect(answers).toHaveLength(3));
  expect(status).toHaveTextContent("Saying it to the server …");
  const heard: unknown[] = [];
  const watch = new MutationObserver(() => heard.push(status.textContent));
  watch.observe(status, { subtree: true, childList: true, characterData: true });
  expect(within(said()).getByText("0 of 3")).toBeVisible();
  await act(async () => answers[0]?.());
  expect(await within(said()).findByText("1 of 3")).toBeVisible();
  expect(heard).toEqual([]);
  watch.disconnect();
  for (const reply of answers) await act(async () => reply());
  await waitFor(() => expect(status).toHaveTextContent("3 captures: keep."));
  await press(user, "Keep");
  await waitFor(() => expect(status).toHaveTextContent("Nothing to change."));
});

/** As `App` does. */
function Routed() {
  return usePath() === "/library" ? <LibraryPage /> : null;
}

test("a list to which the person comes back has what was recorded meanwhile", async () => {
  const captures = [recorded(1)];
  window.history.replaceState(null, "", "/library");
  serveLibrary(captures);
  renderPage(<Routed />);
  await grid();
  act(() => navigate("/demo/gesture"));
  captures.unshift(recorded(2, { label: "new" }));
  act(() => navigate("/library"));
  expect(cell(0)).toHaveAccessibleName(/^more /); // what is known is there at once
  await waitFor(() => expect(cell(0)).toHaveAccessibleName(/^new /));
  expect(screen.getByText("2 captures")).toBeVisible();
});

test("what the server does not take is told, and sent again as it was", async () => {
  const { server, user } = open();
  await grid();
  await user.click(box(0));
  server.on("POST /library/review", unreachable);
  await press(user, "Reject");
  expect(await screen.findByText(/did not take 1 of 1/)).toBeVisible();
  server.on("POST /library/review", () => answer({}, 201));
  await press(user, "Send the rest again");
  await waitFor(() => expect(said()).toHaveTextContent("1 capture: reject."));
  const [first, second] = server
    .to("POST /library/review")
    .map(({ json }) => (json as { record_id: string }).record_id);
  expect(second).toBe(first);
  await press(user, "Undo"); // all of it, also what was sent again
  await waitFor(() => expect(said()).toHaveTextContent("Undone for 1."));
});

test("a label and a person are asked for", async () => {
  const { server, user } = open();
  await grid();
  await user.click(box(0));
  await press(user, "Label …");
  const dialog = screen.getByRole("dialog", { name: "Change the label of 1 capture" });
  expect(within(dialog).getByLabelText("Label")).toHaveValue("more");
  await expectAccessible();
  await user.clear(within(dialog).getByLabelText("Label"));
  expect(within(dialog).getByRole("button", { name: "Change" })).toHaveAccessibleDescription("Enter something first.");
  await user.type(within(dialog).getByLabelText("Label"), "{Enter}wave{Enter}");
  await waitFor(() => expect(said()).toHaveTextContent("1 capture: label “wave”."));
  await user.click(box(1));
  await press(user, "Person …");
  const question = screen.getByLabelText("Person whom they show");
  expect(question).toHaveValue("u1");
  await user.type(question, "!");
  expect(screen.getByText(/It cannot contain “!”/)).toBeVisible();
  await user.type(question, "{Backspace}7{Enter}");
  await waitFor(() => expect(said()).toHaveTextContent("2 captures: person u17."));
  expect(server.to("POST /library/reassign")).toHaveLength(2);
  await press(user, "Label …");
  expect(screen.getByLabelText("Label")).toHaveValue(""); // they differ
  await press(user, "Cancel");
  await press(user, "Person …");
  fireEvent(screen.getByRole("dialog"), new Event("cancel", { cancelable: true }));
  expect(screen.queryByRole("dialog")).toBeNull();
});

test("a withdrawal says before what cannot be undone, and offers no undo", async () => {
  const { server, user } = open();
  await grid();
  await user.click(box(0));
  await press(user, "Withdraw …");
  expect(screen.getByText(/this page cannot take it back/)).toBeVisible();
  await press(user, "Cancel");
  await press(user, "Withdraw …");
  await user.click(screen.getByLabelText("Erase the files too"));
  await expectAccessible();
  await press(user, "Withdraw and erase 1 capture");
  await waitFor(() => expect(said()).toHaveTextContent("1 capture: withdrawn; the server erases"));
  expect(server.to("POST /library/withdraw")[0]?.json).toMatchObject({ capture_id: "c1", erase: true });
  expect(cell(0)).toHaveTextContent("Withdrawn");
  expect(screen.queryByRole("button", { name: "Undo" })).toBeNull();
});

test("who judges is asked once, if it is not known", async () => {
  const { user } = open(SOME, "", { performers: [] });
  await grid();
  await user.click(box(0));
  expect(screen.queryByRole("button", { name: "Keep" })).toBeNull();
  await user.type(screen.getByLabelText("You (performer_id)"), "b!{Enter}");
  expect(screen.getByText(/It cannot contain “!”/)).toBeVisible();
  await user.type(screen.getByLabelText("You (performer_id)"), "{Backspace}ea{Enter}");
  expect(said()).toHaveFocus();
  await press(user, "Keep");
  await waitFor(() => expect(said()).toHaveTextContent("1 capture: keep."));
  expect(JSON.parse(sessionStorage.getItem("a3cp.performers") ?? "[]")).toEqual(["bea"]);
});

test("pictures move until the person stops them", async () => {
  const requested = new Set<FrameRequestCallback>();
  vi.stubGlobal("requestAnimationFrame", (step: FrameRequestCallback) => requested.add(step).size);
  vi.stubGlobal("cancelAnimationFrame", () => requested.clear());
  const { user } = open([recorded(1)]);
  await grid();
  await waitFor(() => expect(requested.size).toBeGreaterThan(0));
  for (const step of requested) act(() => step(10_000));
  for (const step of requested) act(() => step(10_200));
  for (const step of requested) act(() => step(10_290));
  await press(user, "Stop the movement");
  expect(requested.size).toBe(0);
  await press(user, "Show the movement");
  expect(requested.size).toBeGreaterThan(0);
});

test.each([true, false])("they rest if the system asks for less motion (from the beginning: %s)", async (first) => {
  const wish = Object.assign(new EventTarget(), { matches: first });
  vi.stubGlobal("matchMedia", () => wish);
  open();
  await grid();
  wish.dispatchEvent(new Event("change"));
  wish.matches = true;
  act(() => void wish.dispatchEvent(new Event("change")));
  expect(screen.getByRole("button", { name: "Show the movement" })).toBeVisible();
});

test("a failure is told, and tried again", async () => {
  const { server, user } = open();
  await grid();
  server.on("GET /library/captures", () => refusal(503, "library_not_ready"));
  await press(user, "Reload");
  expect(await screen.findByText("library_not_ready")).toBeVisible();
  server.on("GET /library/captures", () => answer({ captures: SOME, next: null, total: 5 }));
  await press(user, "Try again");
  await waitFor(() => expect(screen.queryByText("library_not_ready")).toBeNull());
});

test("a server that is away is told once", async () => {
  const { server, user } = open(SOME, "", {
    prepare: (away) => away.on("GET /library/captures", unreachable).on("GET /library/summary", unreachable),
  });
  expect(await screen.findAllByText("network_error")).toHaveLength(1);
  server.on("GET /library/captures", () => answer({ captures: SOME, next: null, total: 5 }));
  counting(server);
  await press(user, "Try again");
  await grid();
  await waitFor(() => expect(screen.queryByText("network_error")).toBeNull());
});

test("counts that cannot be read are told, and the list is there all the same", async () => {
  const { server, user } = open(SOME, "", { prepare: broken });
  expect(await screen.findByText("library_unavailable")).toBeVisible();
  await grid();
  counting(server);
  await press(user, "Try again");
  await waitFor(() => expect(screen.queryByText("library_unavailable")).toBeNull());
});

test("only what is near the window is in the document, more is loaded on the way, and the way back leads there", async () => {
  const { unmount } = open(Array.from({ length: 400 }, (_, at) => recorded(at)));
  await grid();
  expect(cells()).toBeLessThan(100);
  act(() => cell(0)?.focus());
  const far = vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockReturnValue({ top: -9000 } as DOMRect);
  Object.defineProperty(window, "scrollY", { value: 9000, configurable: true });
  fireEvent.scroll(window);
  await waitFor(() => expect(cell(150)).toBeDefined());
  expect(cell(0)).toHaveFocus(); // what has the focus stays
  expect(cells()).toBeLessThan(150);
  fireEvent.scroll(window);
  far.mockRestore();
  unmount();
});

test("rows that come while the page flies by are left out until it rests", async () => {
  open(Array.from({ length: 400 }, (_, at) => recorded(at)));
  await grid();
  const far = vi.spyOn(HTMLElement.prototype, "getBoundingClientRect");
  far.mockReturnValue({ top: -9000 } as DOMRect);
  fireEvent.scroll(window);
  await waitFor(() => expect(cell(150)).toBeDefined());
  vi.useFakeTimers();
  for (const top of [-6000, -3000]) {
    far.mockReturnValue({ top } as DOMRect);
    fireEvent.scroll(window);
    act(() => void vi.advanceTimersToNextFrame());
  }
  const flying = rows();
  expect(flying.every(({ childElementCount }) => childElementCount > 0)).toBe(true);
  act(() => void vi.advanceTimersByTime(200));
  expect(rows().length).toBeGreaterThan(flying.length);
  vi.useRealTimers();
});

const rows = () => screen.getAllByRole("row");
