import { screen, waitFor } from "@testing-library/react";
import { useState } from "react";

import { expectAccessible } from "../test/axe";
import { renderPage } from "../test/page";
import { answer, FakeServer, refusal, type Asked } from "../test/server";
import { failureOf } from "./failure";
import { subprotocols } from "./http";
import { useAccess } from "./token";

const guarded = ({ headers }: Asked) =>
  headers.get("Authorization") === "Bearer s3cret" ? answer("in") : refusal(401, "token_required");

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

function Two() {
  return (
    <main>
      <h1>Two</h1>
      <Asker path="/a" />
      <Asker path="/b" />
    </main>
  );
}

const prompts = () => screen.queryAllByRole("dialog", { name: "Access token" });

test("the token is asked for when the server asks for it, and the request goes on with it", async () => {
  const server = new FakeServer().on("GET /a", guarded).on("GET /b", guarded);
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
  expect(server.asked).toHaveLength(3); // known now: asked for once
});

test("a wrong token is told and asked for again", async () => {
  new FakeServer().on("GET /a", guarded);
  const { user } = renderPage(<Two />);
  await user.click(screen.getByRole("button", { name: "ask /a" }));
  await user.type(await screen.findByLabelText("Token"), "wrong{Enter}");
  await screen.findByText(/did not accept that token/);
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
