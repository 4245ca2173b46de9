import { screen, waitFor } from "@testing-library/react";
import { useState } from "react";

import { expectAccessible } from "../test/axe";
import { renderPage } from "../test/page";
import { answer, FakeServer, refusal, unreachable, type Asked } from "../test/server";
import { failureOf } from "./failure";
import { subprotocols } from "./http";
import { useAccess, useVisitor } from "./token";

const isValid = ({ headers }: Asked) => headers.get("Authorization") === "Bearer s3cret";

const guarded = (asked: Asked) => (isValid(asked) ? answer("in") : refusal(401, "token_required"));

const CARER = { name: "ana-phone", role: "record", user_ids: ["ana"], expires_at: null };

const me = (asked: Asked) => (isValid(asked) ? answer(CARER) : refusal(401, "token_required"));

function serve(): FakeServer {
  return new FakeServer().on("GET /a", guarded).on("GET /b", guarded).on("GET /access/me", me);
}

function Asker({ path }: { readonly path: string }) {
  const { send, token } = useAccess();
  const [said, say] = useState("nothing");
  const ask = () =>
    send("GET", path).then(
      () => say(`in with ${token()}`),
      (error: unknown) => say(failureOf(error).code),
    );
  return (
    <>
      <button onClick={() => void ask()}>ask {path}</button>
      <p>
        {path}: {said}
      </p>
    </>
  );
}

function Who() {
  const { who } = useVisitor();
  return <p>who: {who?.name ?? "unknown"}</p>;
}

function Two() {
  return (
    <main>
      <h1>Two</h1>
      <Who />
      <Asker path="/a" />
      <Asker path="/b" />
    </main>
  );
}

const prompts = () => screen.queryAllByRole("dialog", { name: "Access token" });

test("the token is asked for when the server asks for it, and the request goes on with it", async () => {
  const server = serve();
  const { user } = renderPage(<Two />);
  expect(prompts()).toEqual([]);
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await screen.findByRole("dialog");
  await expectAccessible();
  await user.type(screen.getByLabelText("Token"), " s3cret {Enter}");
  await screen.findByText("/a: in with s3cret");
  expect(prompts()).toEqual([]);
  await user.click(screen.getByRole("button", { name: "ask /b" }));
  await screen.findByText("/b: in with s3cret");
  expect(server.asked.map(({ path }) => path)).toEqual(["/a", "/access/me", "/a", "/b"]); // known now: asked for once
  expect(screen.getByText("who: ana-phone")).toBeVisible();
});

test("a wrong token is told and asked for again", async () => {
  const server = serve();
  const { user } = renderPage(<Two />);
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await user.type(await screen.findByLabelText("Token"), "wrong{Enter}");
  await screen.findByText(/did not accept that token/);
  expect(server.to("GET /a")).toHaveLength(1); // only the question itself costs a wrong token
  await expectAccessible();
  expect(screen.getByLabelText("Token")).toHaveValue("");
  await user.type(screen.getByLabelText("Token"), "s3cret{Enter}");
  await screen.findByText("/a: in with s3cret");
});

test("requests that wait for the token share one question", async () => {
  new FakeServer().on("GET /a", guarded).on("GET /b", guarded);
  const { user } = renderPage(<Two />);
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await user.click(screen.getByRole("button", { name: "ask /b", hidden: true }));
  await waitFor(() => expect(prompts()).toHaveLength(1));
  await user.type(screen.getByLabelText("Token"), "s3cret{Enter}");
  await screen.findByText("/a: in with s3cret");
  await screen.findByText("/b: in with s3cret");
});

test("who would not say gets the refusal, and is asked again by the next request", async () => {
  new FakeServer().on("GET /a", guarded);
  const { user } = renderPage(<Two />);
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await user.click(await screen.findByRole("button", { name: "Cancel" }));
  await screen.findByText("/a: token_required");
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  expect(await screen.findByRole("dialog")).toBeVisible();
});

test.each([
  ["token_required", /no longer valid/, "access_ended"],
  ["token_expired", /has expired/, "token_expired"],
])(
  "a token that is refused later with %s is told, and the request goes on with the next one",
  async (code, said, shown) => {
    const server = serve();
    const { user } = renderPage(<Two />);
    await user.click(screen.getByRole("button", { name: "ask /a" }));
    await user.type(await screen.findByLabelText("Token"), "s3cret{Enter}");
    await screen.findByText("/a: in with s3cret");
    const later = ({ headers }: Asked) =>
      headers.get("Authorization") === "Bearer other" ? answer({ ...CARER, name: "other" }) : refusal(401, code);
    server.on("GET /b", later).on("GET /access/me", later);
    await user.click(screen.getByRole("button", { name: "ask /b" }));
    await screen.findByText(said);
    expect(screen.getByText(shown)).toBeVisible();
    expect(screen.getByText(/Nothing on this page is lost/)).toBeVisible();
    expect(screen.getByText("who: unknown")).toBeInTheDocument();
    expect(screen.getByText("/a: in with s3cret")).toBeInTheDocument();
    await user.type(screen.getByLabelText("Token"), "other{Enter}");
    await screen.findByText("/b: in with other");
    expect(screen.getByText("who: other")).toBeVisible();
  },
);

test("an address that sent too many wrong tokens is told to wait", async () => {
  serve().on("GET /access/me", () => refusal(429, "too_many_failures"));
  const { user } = renderPage(<Two />);
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await user.type(await screen.findByLabelText("Token"), "s3cret{Enter}");
  expect(await screen.findByText("too_many_failures")).toBeVisible();
});

test("a server that does not say who it is only gets the request again", async () => {
  serve().on("GET /access/me", unreachable);
  const { user } = renderPage(<Two />);
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await user.type(await screen.findByLabelText("Token"), "s3cret{Enter}");
  expect(await screen.findByText("/a: in with s3cret")).toBeVisible();
  expect(screen.getByText("who: unknown")).toBeVisible();
});

test("an empty token is no answer", async () => {
  const server = new FakeServer().on("GET /a", guarded);
  const { user } = renderPage(<Two />);
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await user.type(await screen.findByLabelText("Token"), "  {Enter}");
  expect(prompts()).toHaveLength(1);
  expect(server.asked).toHaveLength(1);
});

test("a socket carries the token as a subprotocol", () => {
  expect(subprotocols(null)).toEqual([]);
  expect(subprotocols("s3cret")).toEqual(["bearer.s3cret"]);
});

test("a one-time code in the address signs in, and is in the address no longer", async () => {
  const server = serve().on("POST /access/code", () => answer({ token: "s3cret" }));
  window.history.replaceState(null, "", "/record?study=care#code=abc");
  const { user } = renderPage(<Two />);
  await screen.findByText("who: ana-phone");
  expect(window.location.href).toMatch(/\/record\?study=care$/);
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await screen.findByText("/a: in with s3cret");
  expect(server.asked.map(({ path }) => path)).toEqual(["/access/code", "/access/me", "/a"]);
  expect(prompts()).toEqual([]);
});

test("a code that is used up is told, and the token is asked for", async () => {
  serve().on("POST /access/code", () => refusal(404, "unknown_code"));
  window.history.replaceState(null, "", "/record#code=abc");
  const { user } = renderPage(<Two />);
  await screen.findByText(/sign-in code is used up or too old/);
  await expectAccessible();
  await user.type(screen.getByLabelText("Token"), "s3cret{Enter}");
  await screen.findByText("who: ana-phone");
  expect(prompts()).toEqual([]);
});

test("a code that is scanned again changes nothing for a person who is signed in", async () => {
  let codes = 0;
  serve().on("POST /access/code", () => (codes++ === 0 ? answer({ token: "s3cret" }) : refusal(404, "unknown_code")));
  window.history.replaceState(null, "", "/record#code=abc");
  const { user } = renderPage(<Two />);
  await screen.findByText("who: ana-phone");
  window.location.hash = "#code=abc";
  await waitFor(() => expect(codes).toBe(2));
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await screen.findByText("/a: in with s3cret");
  expect(prompts()).toEqual([]);
  expect(screen.getByText("who: ana-phone")).toBeInTheDocument();
});

test("a code that cannot be exchanged is told", async () => {
  const server = serve().on("POST /access/code", unreachable);
  window.history.replaceState(null, "", "/record#code=abc");
  renderPage(<Two />);
  await waitFor(() => expect(prompts()).toHaveLength(1));
  expect(server.asked.map(({ path }) => path)).toEqual(["/access/code"]);
});

test("a code signs in although nothing says whose it is", async () => {
  serve()
    .on("POST /access/code", () => answer({ token: "s3cret" }))
    .on("GET /access/me", unreachable);
  window.history.replaceState(null, "", "/record#code=abc");
  const { user } = renderPage(<Two />);
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await screen.findByText("/a: in with s3cret");
  expect(screen.getByText("who: unknown")).toBeInTheDocument();
});
