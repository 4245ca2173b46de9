import { act, screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { expectAccessible } from "../test/axe";
import { installDrawing } from "../test/drawing";
import { faceResult, installLiveSockets, installResizes, PIPELINES } from "../test/liveSocket";
import { FakeStream, installCamera, setHidden } from "../test/media";
import { renderPage } from "../test/page";
import { answer, FakeServer } from "../test/server";
import { LivePage } from "./LivePage";

const status = () => screen.getByRole("status", { name: "Live view" });
const button = (name: string) => screen.getByRole("button", { name });

async function opened() {
  new FakeServer().on("GET /pipelines", () => answer(PIPELINES));
  const sockets = installLiveSockets();
  const stream = new FakeStream();
  const getUserMedia = installCamera(() => Promise.resolve(stream));
  const { user } = renderPage(<LivePage />);
  await screen.findByRole("combobox");
  await waitFor(() => expect(button("Start the camera")).not.toHaveAttribute("aria-disabled"));
  return { user, sockets, getUserMedia, stream };
}

async function started() {
  const stage = await opened();
  await stage.user.click(button("Start the camera"));
  stage.sockets.latest().opens();
  return stage;
}

describe("LivePage", () => {
  beforeEach(() => {
    installResizes();
    installDrawing();
    setHidden(false);
    vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue();
  });

  test("begins with the camera off, and nothing is sent", async () => {
    const { sockets, getUserMedia } = await opened();
    expect(screen.getByText("The camera is off.")).toBeVisible();
    expect(status()).toHaveTextContent("off");
    expect(getUserMedia).not.toHaveBeenCalled();
    expect(sockets.all).toHaveLength(0);
    await expectAccessible();
  });

  test("cannot be started before the list is here, and says why", async () => {
    new FakeServer().on("GET /pipelines", () => new Promise<Response>(() => undefined));
    renderPage(<LivePage />);
    expect(button("Start the camera")).toHaveAccessibleDescription(/until the server has sent the list/);
  });

  test("started, it connects and shows what is found, in words too", async () => {
    const { sockets, getUserMedia } = await started();
    expect(getUserMedia).toHaveBeenCalledOnce();
    expect(status()).toHaveTextContent("waiting for the first answer");
    sockets.latest().says(faceResult(0));
    expect(status()).toHaveTextContent("running");
    expect(screen.getByText("Face:").closest("li")).toHaveTextContent("Face: found");
    expect(screen.getByText("Body:").closest("li")).toHaveTextContent("Body: not found");
    await expectAccessible();
  });

  test("a choice while it runs opens a new connection; only its parts are listed", async () => {
    const { user, sockets } = await started();
    await user.selectOptions(screen.getByRole("combobox"), "face");
    expect(sockets.all[0]?.closed).toBe(true);
    expect(sockets.latest().url).toMatch(/pipeline_id=face$/);
    sockets.latest().opens();
    sockets.latest().says(faceResult(0));
    expect(screen.getByText("Face:")).toBeVisible();
    expect(screen.queryByText("Body:")).toBeNull();
  });

  test("stopped, it lets go of the camera and of the connection", async () => {
    const { user, sockets, stream } = await started();
    await user.click(button("Stop"));
    expect(stream.track.stop).toHaveBeenCalled();
    expect(sockets.latest().closed).toBe(true);
    expect(status()).toHaveTextContent("off");
    expect(screen.getByText("The camera is off.")).toBeVisible();
  });

  test("says that there is no camera, and starts it again", async () => {
    const { user, sockets, getUserMedia } = await opened();
    getUserMedia.mockRejectedValueOnce(new DOMException("no", "NotFoundError"));
    await user.click(button("Start the camera"));
    sockets.latest().opens();
    expect(await screen.findByText("camera_absent")).toBeVisible();
    expect(status()).toHaveTextContent("no camera");
    await expectAccessible();
    await user.click(button("Try the camera again"));
    await waitFor(() => expect(status()).toHaveTextContent("waiting for the first answer"));
    expect(screen.queryByText("camera_absent")).toBeNull();
  });

  test("says that it pauses in the background", async () => {
    await started();
    act(() => setHidden(true));
    expect(status()).toHaveTextContent("paused");
    act(() => setHidden(false));
    expect(status()).toHaveTextContent("waiting");
  });

  test("a server that is lost is said, and Reconnect brings it back", async () => {
    const { user, sockets } = await started();
    sockets.latest().says(faceResult(0));
    sockets.latest().ends();
    expect(status()).toHaveTextContent("not connected");
    expect(screen.queryByText("Face:")).toBeNull();
    await user.click(button("Reconnect"));
    await waitFor(() => expect(sockets.all).toHaveLength(2));
    sockets.latest().opens();
    sockets.latest().says(faceResult(0));
    expect(status()).toHaveTextContent("running");
    expect(screen.queryByText("connection_lost")).toBeNull();
  });
});
