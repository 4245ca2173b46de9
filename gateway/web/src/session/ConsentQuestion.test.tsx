import { screen, waitFor } from "@testing-library/react";
import type { UserEvent } from "@testing-library/user-event";

import { expectAccessible } from "../test/axe";
import { renderPage, startSession } from "../test/page";
import { answer, CONSENT, FakeServer, refusal } from "../test/server";
import { SessionCard } from "./SessionCard";

const START = "POST /session_manager/sessions.start";
const END = "POST /session_manager/sessions.end";
const VALIDATE = "POST /session_manager/sessions.validate";
const TEXT = "GET /consent";
const button = (name: string) => screen.getByRole("button", { name });
const status = () => screen.getByRole("status", { name: "Status" });
const question = () => screen.queryByRole("region", { name: "First, a question" });

function serving(consent: Partial<typeof CONSENT> = {}): FakeServer {
  const session_id = "sess_0123456789abcdef";
  return new FakeServer()
    .on(TEXT, () => answer({ ...CONSENT, ...consent }))
    .on(START, () => answer({ session_id }))
    .on(END, () => answer({}))
    .on(VALIDATE, () => answer({ status: "active" }));
}

async function ask(user: UserEvent): Promise<void> {
  await user.type(screen.getByLabelText("Person in the session (user_id)"), "anna-1");
  await user.type(screen.getByLabelText("You (performer_id)"), "bea");
  await user.click(button("Start Session"));
  await waitFor(() => expect(screen.getByRole("heading", { name: "First, a question" })).toHaveFocus());
}

test("the person reads the study's text before anything is started, and nothing is chosen for them", async () => {
  const server = serving({ text: "# Our study\n\nWe keep **points**. <b>Really</b>" });
  const { user } = renderPage(<SessionCard />);
  await ask(user);
  expect(screen.getByRole("heading", { level: 4 })).toHaveTextContent("Our study");
  expect(screen.getByText("points").tagName).toBe("STRONG");
  expect(screen.getByText(/<b>Really<\/b>/)).toBeVisible();
  expect(screen.getByRole("group", { name: "Who answers?" })).toBeVisible();
  for (const choice of screen.getAllByRole("radio")) expect(choice).not.toBeChecked();
  expect(button("Yes, start the session")).toHaveAccessibleDescription("Say first who answers.");
  await user.click(button("Yes, start the session"));
  expect(server.to(START)).toEqual([]);
  expect(status()).toHaveTextContent("waiting for an answer");
  await expectAccessible();
});

test("the person reads how long what is recorded is kept, if there is an end", async () => {
  serving({ retention_days: 30 });
  const { user, unmount } = renderPage(<SessionCard />);
  await ask(user);
  expect(screen.getByText("What is recorded is erased after 30 days.")).toBeVisible();
  unmount();
  serving();
  await ask(renderPage(<SessionCard />).user);
  expect(screen.queryByText(/is erased after/)).toBeNull();
});

test.each([
  ["The person who is recorded", "self", "yes, said by the person who is recorded."],
  ["A parent or guardian, for that person", "guardian", "yes, said by a parent or guardian."],
  ["Another person, for that person", "other", "yes, said by another person."],
])("%s says yes: the server gets the answer, who gave it, and the hash of the text", async (who, givenBy, line) => {
  const server = serving();
  const { user, unmount } = renderPage(<SessionCard />);
  await ask(user);
  await user.click(screen.getByRole("radio", { name: who }));
  await user.click(button("Yes, start the session"));
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  expect(server.to(START)[0]?.json).toMatchObject({
    user_id: "anna-1",
    consent_given: true,
    consent: { text: CONSENT.hash, given_by: givenBy },
  });
  expect(question()).not.toBeInTheDocument();
  expect(screen.getByText(`Consent: ${line}`)).toBeVisible();
  expect(status().parentElement).toHaveFocus();
  unmount();
  renderPage(<SessionCard />);
  expect(screen.getByText(`Consent: ${line}`)).toBeVisible();
  await waitFor(() => expect(server.to(VALIDATE)).toHaveLength(1));
});

test("no starts nothing, says so, and the question comes again with the next start", async () => {
  const server = serving();
  const { user } = renderPage(<SessionCard />);
  await ask(user);
  await user.click(button("No, do not record"));
  const said = screen.getByText("That is all right. Nothing is recorded.");
  expect(said.closest("[tabindex]")).toHaveFocus();
  expect(question()).not.toBeInTheDocument();
  expect([server.to(START), status().textContent]).toEqual([[], "Status: idle"]);
  await expectAccessible();
  await user.click(button("Start Session"));
  await waitFor(() => expect(question()).toBeVisible());
  expect(said).not.toBeInTheDocument();
  for (const choice of screen.getAllByRole("radio")) expect(choice).not.toBeChecked();
});

test("where consent is optional, a session may start without an answer, and the page says what that means", async () => {
  const server = serving();
  const { user, unmount } = renderPage(<SessionCard />);
  await ask(user);
  expect(screen.getByText(/The recordings are kept, but exports leave them out/)).toBeVisible();
  await user.click(button("Go on without an answer"));
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  expect(Object.keys(server.to(START)[0]?.json as object).filter((name) => name.startsWith("consent"))).toEqual([]);
  const line =
    "Consent: no answer. The recordings are kept, but exports leave them out unless the study includes them on purpose.";
  expect(screen.getByText(line)).toBeVisible();
  unmount();
  renderPage(<SessionCard />);
  expect(screen.getByText(line)).toBeVisible();
  await waitFor(() => expect(server.to(VALIDATE)).toHaveLength(1));
});

test("where consent is required, there is a yes, a no and a way back", async () => {
  serving({ required: true });
  const { user } = renderPage(<SessionCard />);
  await ask(user);
  const names = screen.getAllByRole("button").map((each) => each.textContent);
  expect(names).toEqual(["Yes, start the session", "No, do not record", "Back"]);
  await user.click(button("Back"));
  expect(question()).not.toBeInTheDocument();
  expect(screen.queryByText(/That is all right/)).not.toBeInTheDocument();
  expect(screen.getByLabelText("Person in the session (user_id)")).not.toHaveAttribute("readonly");
});

test("without the text there is no question and no session; the next press asks for it again", async () => {
  const server = serving().on(TEXT, () => refusal(500, "internal_error"));
  const { user } = renderPage(<SessionCard />);
  await user.type(screen.getByLabelText("Person in the session (user_id)"), "anna-1");
  await user.type(screen.getByLabelText("You (performer_id)"), "bea");
  await user.click(button("Start Session"));
  await waitFor(() => expect(screen.getByRole("alert")).toHaveTextContent("The server made a mistake"));
  expect([question(), server.to(START)]).toEqual([null, []]);
  server.on(TEXT, () => answer(CONSENT));
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  expect(screen.getByRole("alert")).toBeEmptyDOMElement();
});

test("a server that refuses the start is shown beside the answers, which stay", async () => {
  const server = serving().on(START, () => refusal(400, "consent_required"));
  const { user } = renderPage(<SessionCard />);
  await ask(user);
  await user.click(button("Go on without an answer"));
  await waitFor(() => expect(screen.getByRole("alert")).toHaveTextContent("only after they have said yes"));
  expect(question()).toContainElement(screen.getByRole("alert"));
  server.on(START, () => answer({ session_id: "sess_0123456789abcdef" }));
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  expect(server.to(START)[1]?.json).toMatchObject({ consent_given: true });
});

test.each(["No, do not record", "Back"])("a failure does not outlive the question that “%s” closes", async (name) => {
  const server = serving().on(START, () => refusal(503, "recorder_unavailable"));
  const { user } = renderPage(<SessionCard />);
  await ask(user);
  await user.click(screen.getByRole("radio", { name: "The person who is recorded" }));
  await user.click(button("Yes, start the session"));
  await waitFor(() => expect(screen.getByRole("alert")).not.toBeEmptyDOMElement());
  await user.click(button(name));
  expect([screen.getByRole("alert").textContent, status().textContent]).toEqual(["", "Status: idle"]);
  expect(server.to(START)).toHaveLength(1);
});

test("a yes after a no is a new request, even if the answer to an earlier yes was lost", async () => {
  const server = serving().on(START, () => refusal(503, "recorder_unavailable"));
  const { user } = renderPage(<SessionCard />);
  await startSession(user);
  for (const requests of [1, 2]) {
    await waitFor(() => expect(screen.getByRole("alert")).not.toBeEmptyDOMElement());
    expect(server.to(START)).toHaveLength(requests);
    if (requests === 1) await user.click(button("Yes, start the session"));
  }
  await user.click(button("No, do not record"));
  await startSession(user);
  await waitFor(() => expect(server.to(START)).toHaveLength(3));
  const ids = server.to(START).map(({ json }) => (json as { record_id: string }).record_id);
  expect(ids.map((id) => ids.indexOf(id))).toEqual([0, 0, 2]);
});

test("a failure of before is not shown in the question", async () => {
  const server = serving().on(VALIDATE, () => answer({ status: "closed" }));
  const kept = { sessionId: "sess_0123456789abcdef", userId: "anna-1", performerId: "bea", consent: null };
  sessionStorage.setItem("a3cp.session", JSON.stringify(kept));
  const { user } = renderPage(<SessionCard />);
  await waitFor(() => expect(screen.getByRole("alert")).toHaveTextContent("session_closed"));
  await user.click(button("Start Session"));
  await waitFor(() => expect(question()).toBeVisible());
  expect([screen.getByRole("alert").textContent, server.to(START)]).toEqual(["", []]);
});

test("each session has its own question", async () => {
  const server = serving();
  const { user } = renderPage(<SessionCard />);
  for (const time of [1, 2]) {
    await startSession(user);
    await waitFor(() => expect(status()).toHaveTextContent("active"));
    await user.click(button("End Session"));
    await waitFor(() => expect(status()).toHaveTextContent("idle"));
    expect([question(), server.to(TEXT).length]).toEqual([null, time]);
  }
});

test.each([
  undefined,
  3,
  { text: "sha256:a" },
  { text: 1, givenBy: "self" },
  { text: "sha256:a", givenBy: "a friend" },
])("a session whose stored consent makes no sense (%j) is shown without one", async (consent) => {
  const server = serving();
  const kept = { sessionId: "sess_0123456789abcdef", userId: "anna-1", performerId: "bea", consent };
  sessionStorage.setItem("a3cp.session", JSON.stringify(kept));
  renderPage(<SessionCard />);
  expect(status()).toHaveTextContent("active");
  expect(screen.queryByText(/^Consent/)).not.toBeInTheDocument();
  await waitFor(() => expect(server.to(VALIDATE)).toHaveLength(1));
});
