import { screen, waitFor } from "@testing-library/react";

import { expectAccessible } from "../test/axe";
import { renderPage, startSession } from "../test/page";
import { answer, CONSENT, FakeServer, held, refusal, unreachable } from "../test/server";
import { SessionCard } from "../session/SessionCard";
import { SessionPage } from "./SessionPage";

const START = "POST /session_manager/sessions.start";
const END = "POST /session_manager/sessions.end";
const SESSION = "sess_0123456789abcdef";
const started = () => answer({ session_id: SESSION, source: "session_manager" });
const button = (name: string) => screen.getByRole("button", { name });
const VALIDATE = "POST /session_manager/sessions.validate";
const person = () => screen.getByLabelText<HTMLInputElement>("Person in the session (user_id)");
const performer = () => screen.getByLabelText<HTMLInputElement>("You (performer_id)");
const sessionId = () => screen.getByLabelText<HTMLInputElement>("session_id");
const status = () => screen.getByRole("status", { name: "Status" });

const nth = (elements: HTMLElement[], place: number) => elements.at(place) as HTMLElement;
const all = (label: string) => screen.getAllByLabelText<HTMLInputElement>(label).map(({ value }) => value);

test("nothing is open at first, and session_id can only be read", async () => {
  const server = new FakeServer();
  renderPage(<SessionPage />);
  expect(server.asked).toEqual([]);
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("Session");
  expect(status()).toHaveTextContent("idle");
  expect(sessionId()).toHaveValue("");
  expect(sessionId()).toHaveAttribute("readonly");
  await expectAccessible();
});

test("a session is started with the fields that the server needs, and shown", async () => {
  const server = new FakeServer().on(START, started);
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(sessionId()).toHaveValue(SESSION));
  expect(status()).toHaveTextContent("active");
  expect(server.to(START).map(({ json }) => json)).toEqual([
    {
      schema_version: "1.0.1",
      record_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      user_id: "demo-user",
      performer_id: "demo-carer",
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      consent_given: true,
      consent: { text: CONSENT.hash, given_by: "self" },
    },
  ]);
  await expectAccessible();
});

test("while a session is being started the button says so and does nothing more", async () => {
  const { reply, release } = held();
  const server = new FakeServer().on(START, reply);
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  expect(status()).toHaveTextContent("starting");
  expect(button("Yes, start the session")).toHaveAttribute("aria-busy", "true");
  for (const name of ["Yes, start the session", "No, do not record", "Go on without an answer", "Back"]) {
    await user.click(button(name));
  }
  release(started());
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  expect(server.to(START)).toHaveLength(1);
});

test("a session that is open is ended, for the same people", async () => {
  const server = new FakeServer().on(START, started).on(END, () => answer({}));
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  await user.click(button("End Session"));
  await waitFor(() => expect(status()).toHaveTextContent("idle"));
  expect(sessionId()).toHaveValue("");
  const [asked] = server.to(END);
  expect(asked?.json).toMatchObject({ session_id: SESSION, user_id: "demo-user", performer_id: "demo-carer" });
  expect(asked?.json).toHaveProperty("end_time");
});

test.each(["End Session", "Go on to capture a gesture"])(
  "%s is blocked without a session, and says why",
  async (name) => {
    const server = new FakeServer();
    const { user } = renderPage(<SessionPage />);
    expect(button(name)).toHaveAttribute("aria-disabled", "true");
    expect(button(name)).toHaveAccessibleDescription("Start a session first.");
    button(name).focus();
    await user.keyboard("{Enter}");
    await user.click(button(name));
    expect(server.asked).toEqual([]);
    expect(window.location.pathname).toBe("/");
  },
);

test("with a session the way on is open", async () => {
  new FakeServer().on(START, started);
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  await user.click(button("Go on to capture a gesture"));
  expect(window.location.pathname).toBe("/demo/gesture");
});

test.each([
  ["schema_error", () => refusal(422, "schema_error"), "did not accept the data"],
  ["recorder_unavailable", () => refusal(503, "recorder_unavailable"), "The recorder did not answer in time"],
  ["internal_error", () => refusal(500, "internal_error"), "The server made a mistake"],
  ["something_new", () => refusal(418, "something_new", "A sentence of the server."), "A sentence of the server."],
  ["unexpected_answer", () => new Response("<h1>Bad gateway</h1>", { status: 502 }), "does not understand"],
  ["unexpected_answer", () => new Response("no JSON"), "does not understand"],
  ["network_error", unreachable, "cannot reach the server"],
])("%s is shown with its code and a sentence, and nothing is tried again", async (code, reply, sentence) => {
  const server = new FakeServer().on(START, reply);
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("error"));
  expect(screen.getByRole("alert")).toHaveTextContent(sentence);
  expect(screen.getByRole("alert")).toHaveTextContent(`Code: ${code}`);
  expect(server.to(START)).toHaveLength(1);
  await expectAccessible();
});

test("the next press after an error may succeed, and the error goes away", async () => {
  const server = new FakeServer().on(START, unreachable);
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("error"));
  server.on(START, started);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  expect(screen.getByRole("alert")).toBeEmptyDOMElement();
});

test("a start without an answer is asked for again as the same one, so that no session is lost", async () => {
  const server = new FakeServer().on(START, () => refusal(503, "recorder_unavailable"));
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("error"));
  server.on(START, started);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  const [first, second] = server.to(START);
  expect(second?.json).toEqual(first?.json);
});

test("after a refused start, for another person, or with another answer, a start is a new request", async () => {
  const server = new FakeServer().on(START, () => refusal(422, "schema_error"));
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(server.to(START)).toHaveLength(1));
  server.on(START, unreachable);
  await startSession(user);
  await waitFor(() => expect(server.to(START)).toHaveLength(2));
  await waitFor(() => expect(status()).toHaveTextContent("error"));
  await user.click(button("Go on without an answer"));
  await waitFor(() => expect(server.to(START)).toHaveLength(3));
  await waitFor(() => expect(status()).toHaveTextContent("error"));
  await user.click(button("Back"));
  await user.type(screen.getByLabelText("Person in the session (user_id)"), "-2");
  await startSession(user);
  await waitFor(() => expect(server.to(START)).toHaveLength(4));
  expect(new Set(server.to(START).map(({ json }) => (json as { record_id: string }).record_id)).size).toBe(4);
});

test("an end that fails keeps the session, so that it can be ended still", async () => {
  const server = new FakeServer().on(START, started).on(END, unreachable);
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  await user.click(button("End Session"));
  await waitFor(() => expect(status()).toHaveTextContent("error"));
  expect(sessionId()).toHaveValue(SESSION);
  server.on(END, () => answer({}));
  await user.click(button("End Session"));
  await waitFor(() => expect(status()).toHaveTextContent("idle"));
  const [first, second] = server.to(END);
  expect(second?.json).toEqual(first?.json);
});

test.each(["session_closed", "unknown_session", "wrong_user"])(
  "a session that is over elsewhere (%s) is over here",
  async (code) => {
    new FakeServer().on(START, started).on(END, () => refusal(400, code));
    const { user } = renderPage(<SessionPage />);
    await startSession(user);
    await waitFor(() => expect(status()).toHaveTextContent("active"));
    await user.click(button("End Session"));
    await waitFor(() => expect(status()).toHaveTextContent("error"));
    expect(sessionId()).toHaveValue("");
    expect(screen.getByRole("alert")).toHaveTextContent("Start a new one");
    expect(button("Start Session")).not.toHaveAttribute("aria-disabled");
  },
);

test("a name that no folder can have is told before anything is sent", async () => {
  const server = new FakeServer();
  const { user } = renderPage(<SessionPage />);
  await user.type(performer(), "bea");
  await user.type(person(), "Anna B");
  expect(person()).toBeInvalid();
  expect(person()).toHaveAccessibleDescription(/It cannot contain spaces/);
  await user.clear(person());
  await user.type(person(), "Müller");
  expect(person()).toHaveAccessibleDescription(/It cannot contain “ü”. Use a to z/);
  await startSession(user);
  expect(server.asked).toEqual([]);
  await expectAccessible();
});

test("the people of a session cannot be changed while it is open", async () => {
  new FakeServer().on(START, started);
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  expect(screen.getByLabelText("Person in the session (user_id)")).toHaveAttribute("readonly");
  expect(screen.getByLabelText("You (performer_id)")).toHaveAttribute("readonly");
});

test("a reload goes on with the session, after asking the server; only the token is not kept", async () => {
  const server = new FakeServer().on(START, started).on(VALIDATE, () => answer({ status: "active" }));
  const { user, unmount } = renderPage(<SessionPage />);
  await startSession(user, "anna-1", "bea");
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  expect(server.to(VALIDATE)).toEqual([]);
  expect([localStorage.length, document.cookie]).toEqual([0, ""]);
  expect(Object.keys(sessionStorage).sort()).toEqual(["a3cp.people", "a3cp.performers", "a3cp.session"]);
  unmount();
  renderPage(<SessionPage />);
  expect(status()).toHaveTextContent("active");
  expect([sessionId().value, person().value, performer().value]).toEqual([SESSION, "anna-1", "bea"]);
  await waitFor(() => expect(server.to(VALIDATE)).toHaveLength(1));
  expect(server.to(VALIDATE)[0]?.json).toEqual({ user_id: "anna-1", session_id: SESSION });
  expect(status()).toHaveTextContent("active");
});

test("a session that ended while the page was away is not shown as open", async () => {
  new FakeServer().on(START, started).on(VALIDATE, () => answer({ status: "closed" }));
  const { user, unmount } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("active"));
  unmount();
  renderPage(<SessionPage />);
  await waitFor(() => expect(screen.getByRole("alert")).toHaveTextContent("session_closed"));
  await waitFor(() => expect(sessionId()).toHaveValue(""));
  await waitFor(() => expect(sessionStorage.getItem("a3cp.session")).toBeNull());
});

test.each(["no JSON", "null", '{"sessionId":"s"}', '{"sessionId":1,"userId":"u","performerId":"p"}', "[]"])(
  "a memory that makes no sense (%s) is none",
  (kept) => {
    const server = new FakeServer();
    for (const key of ["session", "people", "performers"]) sessionStorage.setItem(`a3cp.${key}`, kept);
    renderPage(<SessionPage />);
    expect(status()).toHaveTextContent("idle");
    expect([person().value, performer().value]).toEqual(["", ""]);
    expect(server.asked).toEqual([]);
  },
);

test("a browser that keeps nothing is no failure", async () => {
  for (const name of ["getItem", "setItem", "removeItem"] as const) {
    vi.spyOn(Storage.prototype, name).mockImplementation(() => {
      throw new DOMException("no", "SecurityError");
    });
  }
  new FakeServer().on(START, started);
  const { user } = renderPage(<SessionPage />);
  await startSession(user);
  await waitFor(() => expect(status()).toHaveTextContent("active"));
});

test("without a person there is no session", async () => {
  const server = new FakeServer();
  const { user } = renderPage(<SessionPage />);
  expect([person().value, performer().value]).toEqual(["", ""]);
  expect(person()).toBeRequired();
  expect(button("Start Session")).toHaveAccessibleDescription("Enter first who is in the session, and who you are.");
  await user.click(button("Start Session"));
  await user.type(person(), "anna-1");
  await user.click(button("Start Session"));
  expect(server.asked).toEqual([]);
});

test("another page shows the people of the open session, and the next one starts from them", async () => {
  const server = new FakeServer().on(START, started).on(END, () => answer({}));
  const { user } = renderPage(
    <>
      <SessionCard />
      <SessionCard />
    </>,
  );
  await user.type(nth(screen.getAllByLabelText("Person in the session (user_id)"), 0), "anna-1");
  await user.type(nth(screen.getAllByLabelText("You (performer_id)"), 0), "bea");
  await user.click(nth(screen.getAllByRole("button", { name: "Start Session" }), 0));
  await user.click(await screen.findByRole("button", { name: "Go on without an answer" }));
  await waitFor(() => expect(all("session_id")).toEqual([SESSION, SESSION]));
  expect(all("Person in the session (user_id)")).toEqual(["anna-1", "anna-1"]);
  expect(all("You (performer_id)")).toEqual(["bea", "bea"]);
  await user.click(nth(screen.getAllByRole("button", { name: "End Session" }), 1));
  await waitFor(() => expect(all("session_id")).toEqual(["", ""]));
  expect(all("Person in the session (user_id)")).toEqual(["anna-1", "anna-1"]);
  await user.click(nth(screen.getAllByRole("button", { name: "Start Session" }), 1));
  await user.click(await screen.findByRole("button", { name: "Go on without an answer" }));
  await waitFor(() => expect(server.to(START)).toHaveLength(2));
  expect(server.to(START)[1]?.json).toMatchObject({ user_id: "anna-1", performer_id: "bea" });
});

test("people who were in a session in this tab are offered", async () => {
  new FakeServer().on(START, started).on(END, () => answer({}));
  const { user, container } = renderPage(<SessionPage />);
  for (const id of ["anna-1", "otto"]) {
    await user.clear(person());
    await startSession(user, id);
    await waitFor(() => expect(status()).toHaveTextContent("active"));
    await user.click(button("End Session"));
    await waitFor(() => expect(status()).toHaveTextContent("idle"));
  }
  const offered = container.querySelectorAll(`#${CSS.escape(person().getAttribute("list") ?? "")} option`);
  expect([...offered].map((option) => option.textContent)).toEqual(["otto", "anna-1"]);
  await expectAccessible();
});
