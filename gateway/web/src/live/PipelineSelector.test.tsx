import { screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { describe, expect, test } from "vitest";

import type { PipelineInfo } from "../api/messages";
import { expectAccessible } from "../test/axe";
import { installLiveSockets, PIPELINES } from "../test/liveSocket";
import { renderPage } from "../test/page";
import { answer, FakeServer, refusal, unreachable } from "../test/server";
import { PipelineSelector } from "./PipelineSelector";
import { RealtimeErrorBanner } from "./RealtimeErrorBanner";
import { RealtimeProvider } from "./RealtimeContext";

const LIST = "GET /pipelines";
const select = () => screen.findByRole<HTMLSelectElement>("combobox", { name: "Look for" });

function Stage({ running }: { readonly running: boolean }) {
  const [selected, setSelected] = useState<PipelineInfo | null>(null);
  return (
    <main>
      <h1>Stage</h1>
      <RealtimeErrorBanner />
      <PipelineSelector selected={selected} onSelect={setSelected} running={running} />
    </main>
  );
}

function shown(running = true, server = new FakeServer().on(LIST, () => answer(PIPELINES))) {
  const sockets = installLiveSockets();
  const { user } = renderPage(
    <RealtimeProvider>
      <Stage running={running} />
    </RealtimeProvider>,
  );
  return { sockets, user, server };
}

describe("PipelineSelector", () => {
  test("loads the list from the server, once", async () => {
    const { server } = shown();
    await select();
    expect(server.to(LIST)).toHaveLength(1);
  });

  test("offers what the server has, by its title; the first is chosen", async () => {
    shown();
    const options = [...(await select()).options].map(({ value, text }) => [value, text]);
    expect(options).toEqual([
      ["holistic", "Whole body"],
      ["face", "Face"],
    ]);
    expect(await select()).toHaveValue("holistic");
    expect(await screen.findByText("Finds: body, left hand, right hand, face")).toBeVisible();
    await expectAccessible();
  });

  test("a choice disconnects the old connection and connects with the new pipeline_id", async () => {
    const { sockets, user } = shown();
    await user.selectOptions(await select(), "face");
    sockets.latest().opens();
    const old = sockets.latest();
    await user.selectOptions(await select(), "holistic");
    expect(old.closed).toBe(true);
    expect(sockets.all).toHaveLength(2);
    expect(sockets.latest().url).toMatch(/pipeline_id=holistic$/);
  });

  test("before the start a choice connects nothing", async () => {
    const { sockets, user } = shown(false);
    await waitFor(async () => expect(await select()).toHaveValue("holistic")); // the default, set after the list is shown
    await user.selectOptions(await select(), "face");
    expect(await select()).toHaveValue("face");
    expect(sockets.all).toHaveLength(0);
  });

  test("the default never replaces a choice, even if the page still shows none", async () => {
    new FakeServer().on(LIST, () => answer(PIPELINES));
    installLiveSockets();
    const calls: string[] = [];
    function Late() {
      const [, showAgain] = useState(false);
      const onSelect = ({ pipeline_id }: PipelineInfo) => {
        calls.push(pipeline_id);
        if (pipeline_id === "face") showAgain(true);
      };
      return <PipelineSelector selected={null} onSelect={onSelect} running={false} />;
    }
    const { user } = renderPage(
      <RealtimeProvider>
        <Late />
      </RealtimeProvider>,
    );
    await waitFor(() => expect(calls).toContain("holistic"));
    await user.selectOptions(await select(), "face");
    expect(calls.at(-1)).toBe("face");
  });

  test("invalid_pipeline is shown, at the choice too, until another is chosen", async () => {
    const { sockets, user } = shown();
    await user.selectOptions(await select(), "face");
    sockets.latest().opens();
    sockets.latest().says({ error: "invalid_pipeline", detail: "There is no such pipeline." });
    expect(screen.getByRole("alert")).toHaveTextContent(/Choose something else there.*invalid_pipeline/);
    expect(await select()).toHaveAttribute("aria-invalid", "true");
    expect(await select()).toHaveAccessibleDescription("The server does not offer this one. Choose another.");
    await user.selectOptions(await select(), "holistic");
    expect(await select()).not.toHaveAttribute("aria-invalid");
    expect(screen.getByRole("alert")).toBeEmptyDOMElement();
  });

  test("a server that cannot be reached is asked again by a button", async () => {
    const server = new FakeServer().on(LIST, unreachable);
    const { user } = shown(true, server);
    expect(await screen.findByText("network_error")).toBeVisible();
    server.on(LIST, () => answer(PIPELINES));
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await select()).toHaveValue("holistic");
    await waitFor(() => expect(screen.queryByText("network_error")).toBeNull());
  });

  test("a lane that is switched off is said so", async () => {
    shown(
      true,
      new FakeServer().on(LIST, () => refusal(404, "not_found")),
    );
    expect(await screen.findByText(/live view is disabled on this server/)).toBeVisible();
    expect(screen.getByText("lane_disabled")).toBeVisible();
  });

  test("a token is asked for, and sent", async () => {
    const server = new FakeServer().on(LIST, ({ headers }) =>
      headers.get("Authorization") === "Bearer s3cret" ? answer(PIPELINES) : refusal(401, "token_required"),
    );
    const { user, sockets } = shown(true, server);
    await user.type(await screen.findByLabelText("Token"), "s3cret");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    await user.selectOptions(await select(), "face");
    expect(sockets.latest().protocols).toEqual(["bearer.s3cret"]);
  });
});
