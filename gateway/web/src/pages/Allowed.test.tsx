import { render, screen, waitFor, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";

import { App } from "../App";
import { may, type Right } from "../api/signedIn";
import { ROUTES } from "../routes";
import { expectAccessible } from "../test/axe";
import { recorded, serveLibrary } from "../test/library";
import { answer, CONSENT, FakeServer, refusal, type Asked } from "../test/server";

const TOKENS: Readonly<Record<string, object>> = {
  "Bearer s3cret-rec": { name: "ana-phone", role: "record", user_ids: ["ana"], expires_at: null },
  "Bearer two": { name: "ward-3", role: "record", user_ids: ["ana", "ben"], expires_at: null },
  "Bearer rev": { name: "rita", role: "review", user_ids: null, expires_at: null },
  "Bearer ops": { name: "olga", role: "operate", user_ids: null, expires_at: null },
};

function guarded({ headers }: Asked): Response {
  const who = TOKENS[headers.get("Authorization") ?? ""];
  return who ? answer(who) : refusal(401, "token_required");
}

let server: FakeServer;

beforeEach(() => {
  server = new FakeServer().on("GET /access/me", guarded);
});

async function signIn(path: string, token: string) {
  window.history.replaceState(null, "", path);
  render(<App />);
  const user = userEvent.setup({ delay: null });
  await user.type(await screen.findByLabelText("Token"), `${token}{Enter}`);
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  return user;
}

/** The pages that a role may not use. */
function closedTo(role: "record" | "review"): readonly string[] {
  return ROUTES.filter(({ needs }) => needs && !may({ role }, needs)).map(({ path }) => path);
}

test("every page has a right that one role has, and an operator may use them all", () => {
  for (const { needs } of ROUTES) expect(needs === undefined || may({ role: "operate" }, needs)).toBe(true);
  expect(closedTo("review")).toEqual(["/demo/session", "/demo/gesture", "/record", "/live", "/upload", "/operate"]);
  expect(closedTo("record")).toEqual(["/operate"]);
  expect(["record", "correct"].map((right) => may({ role: "record" }, right as Right))).toEqual([true, false]);
});

test("a page that needs a token asks at once, and then says who is signed in", async () => {
  await signIn("/demo/gesture", "s3cret-rec");
  const header = within(screen.getByRole("banner"));
  expect(header.getByText(/Signed in: ana-phone/)).toHaveTextContent("Signed in: ana-phone (records)");
  expect(screen.getByLabelText("Person in the session (user_id)")).toHaveValue("ana");
  expect(screen.getByLabelText("Person in the session (user_id)")).toHaveAttribute("readonly");
  expect(JSON.stringify({ ...sessionStorage, ...localStorage })).not.toContain("s3cret-rec");
  await expectAccessible();
});

test("the operator's page is a sentence for a recorder, who has no link to it", async () => {
  await signIn("/operate", "two");
  expect(screen.getByText(/for the person who runs the server/)).toBeVisible();
  expect(screen.queryByRole("link", { name: "Not recorded" })).toBeNull();
  expect(screen.queryByRole("button", { name: "Read the list again" })).toBeNull();
});

test("an operator's navigation has the page of what could not be recorded", async () => {
  server.on("GET /operate/dead", () => answer({ items: [], total: 0 }));
  await signIn("/operate", "ops");
  expect(within(screen.getByRole("banner")).getByRole("link", { name: "Not recorded" })).toBeVisible();
  expect(await screen.findByText(/Everything was recorded/)).toBeVisible();
});

test("a token for several people leaves the choice among them", async () => {
  const user = await signIn("/demo/gesture", "two");
  const field = screen.getByLabelText("Person in the session (user_id)");
  expect(field).toHaveValue("");
  expect(within(field).getAllByRole("option")).toHaveLength(3);
  await user.selectOptions(field, "ben");
  expect(field).toHaveValue("ben");
  await expectAccessible();
});

test("a role that may not use a page gets one sentence and a way on", async () => {
  await signIn("/demo/gesture", "rev");
  expect(screen.getByText(/can look at recordings, but not make any/)).toBeVisible();
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("Capture a gesture");
  expect(screen.queryByRole("button", { name: "Start Session" })).toBeNull();
  expect(within(screen.getByRole("main")).getByRole("link", { name: "Open the library" })).toBeVisible();
  expect(screen.queryAllByRole("alert").map((alert) => alert.textContent)).toEqual([]);
  await expectAccessible();
});

test("the first page asks for nothing, and has a button to sign in", async () => {
  window.history.replaceState(null, "", "/");
  render(<App />);
  const user = userEvent.setup({ delay: null });
  await user.click(await screen.findByRole("button", { name: "Sign in" }));
  await user.type(await screen.findByLabelText("Token"), "ops{Enter}");
  expect(await screen.findByText(/Signed in: olga/)).toBeVisible();
  expect(server.to("GET /access/me")).toHaveLength(2);
});

test("where the server asks for no token, the header has no name", async () => {
  server.on("GET /access/me", () => answer({ name: null, role: "operate", user_ids: null, expires_at: null }));
  window.history.replaceState(null, "", "/demo/gesture");
  render(<App />);
  await waitFor(() => expect(server.to("GET /access/me")).toHaveLength(1));
  expect(screen.getByRole("button", { name: "Start Session" })).toBeVisible();
  expect(within(screen.getByRole("banner")).queryAllByRole("button")).toEqual([]);
});

const capture = { ...recorded(1), history: [] };

/** Serves one capture beside the question for the token. */
function withLibrary(): void {
  server = serveLibrary([capture])
    .on("GET /access/me", guarded)
    .on("GET /library/captures/c1", () => answer(capture));
}

const CORRECT = ["Change the label", "Change the person"];
const WITHDRAW = ["Withdraw …", "Withdraw and erase …"];

test.each([
  ["s3cret-rec", WITHDRAW, CORRECT],
  ["rev", CORRECT, WITHDRAW],
  ["ops", [...CORRECT, ...WITHDRAW], []],
])("the page of a capture has the buttons that %s may use, and no others", async (token, there, away) => {
  withLibrary();
  await signIn("/library/capture/c1", token);
  expect(await screen.findByRole("button", { name: /^Keep/ })).toBeVisible();
  for (const name of there) expect(screen.getByRole("button", { name })).toBeVisible();
  for (const name of away) expect(screen.queryByRole("button", { name })).toBeNull();
});

test("a reviewer sees what is kept of a person, without the buttons that withdraw it", async () => {
  withLibrary();
  await signIn("/library/person/u1", "rev");
  expect(await screen.findByText("Of 1 capture, 1 is kept.")).toBeVisible();
  expect(screen.queryByRole("button", { name: /Withdraw/ })).toBeNull();
});

test("the first page and the navigation have no link to a page that the role may not use", async () => {
  window.history.replaceState(null, "", "/");
  render(<App />);
  const user = userEvent.setup({ delay: null });
  await user.click(await screen.findByRole("button", { name: "Sign in" }));
  expect(screen.getAllByRole("link").map((link) => link.getAttribute("href"))).toContain("/live");
  await user.type(await screen.findByLabelText("Token"), "rev{Enter}");
  expect(await screen.findByText(/Signed in: rita/)).toBeVisible();
  const links = screen.getAllByRole("link").map((link) => link.getAttribute("href"));
  for (const path of closedTo("review")) expect(links).not.toContain(path);
  expect(links).toContain("/library");
});

test("another role that signs in while a page has something does not take it away", async () => {
  const user = await signIn("/demo/gesture", "s3cret-rec");
  server.on("GET /consent", () => refusal(401, "token_required"));
  const performer = screen.getByLabelText("You (performer_id)");
  await user.type(performer, "bea");
  await user.click(screen.getByRole("button", { name: "Start Session" }));
  await user.type(await screen.findByLabelText("Token"), "rev{Enter}");
  expect(await screen.findByText(/may not use this page, and the page has something/)).toBeVisible();
  expect(performer).toBeInTheDocument();
  server.on("GET /consent", () => answer(CONSENT));
  await user.type(screen.getByLabelText("Token"), "two{Enter}");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(performer).toHaveValue("bea");
  expect(await screen.findByRole("heading", { name: "First, a question" })).toBeVisible();
});
