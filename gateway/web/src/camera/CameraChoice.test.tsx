import { render, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";

import { expectAccessible } from "../test/axe";
import { FakeStream, installCamera } from "../test/media";
import { CameraChoice, isMirrored } from "./CameraChoice";
import { useCamera } from "./useCamera";

function Shown() {
  const camera = useCamera();
  return (
    <main>
      <h1>Camera</h1>
      <button onClick={() => void camera.start()}>Start</button>
      <CameraChoice camera={camera} />
      <p>{isMirrored(camera) ? "mirrored" : "as it is"}</p>
    </main>
  );
}

/** Fake cameras; the browser opens the one that the page asks for. */
function cameras(...given: { deviceId: string; label: string; facingMode?: string }[]) {
  const asked = installCamera(() => {
    const [wishes] = asked.mock.lastCall ?? [];
    const { deviceId, facingMode } = (wishes?.video ?? {}) as { deviceId?: { exact: string }; facingMode?: string };
    const one =
      given.find((camera) => (deviceId ? camera.deviceId === deviceId.exact : camera.facingMode === facingMode)) ??
      given[0];
    const stream = new FakeStream();
    return Promise.resolve(Object.assign(stream, { track: Object.assign(stream.track, { getSettings: () => one }) }));
  });
  const devices = given.map(({ deviceId, label }) => ({ kind: "videoinput", deviceId, label }));
  Object.assign(navigator.mediaDevices, { enumerateDevices: () => Promise.resolve(devices) });
  return asked;
}

const user = userEvent.setup();

test("a phone changes between its front and its back camera, and only the front one is a mirror", async () => {
  const front = { deviceId: "1", label: "front", facingMode: "user" };
  const asked = cameras(front, { deviceId: "2", label: "back", facingMode: "environment" });
  render(<Shown />);
  await user.click(screen.getByRole("button", { name: "Start" }));
  expect(await screen.findByText("mirrored")).toBeVisible();
  await user.click(await screen.findByRole("button", { name: "Use the back camera" }));
  expect(await screen.findByText("as it is")).toBeVisible();
  expect(asked.mock.lastCall?.[0]).toMatchObject({ video: { facingMode: "environment" } });
  await user.click(await screen.findByRole("button", { name: "Use the front camera" }));
  expect(await screen.findByText("mirrored")).toBeVisible();
});

test("a computer's cameras are a list", async () => {
  const asked = cameras({ deviceId: "a", label: "Built in" }, { deviceId: "b", label: "" });
  render(<Shown />);
  await user.click(screen.getByRole("button", { name: "Start" }));
  const list = await screen.findByRole("combobox", { name: "Camera" });
  expect(screen.getAllByRole("option").map(({ textContent }) => textContent)).toEqual(["Built in", "Camera 2"]);
  await expectAccessible();
  await user.selectOptions(list, "b");
  await waitFor(() => expect(asked.mock.lastCall?.[0]).toMatchObject({ video: { deviceId: { exact: "b" } } }));
  await waitFor(() => expect(screen.getByRole("combobox")).toHaveValue("b"));
});

test("one camera is no choice, and a browser without a list has one", async () => {
  installCamera(() => Promise.resolve(new FakeStream()));
  render(<Shown />);
  await user.click(screen.getByRole("button", { name: "Start" }));
  expect(await screen.findByText("mirrored")).toBeVisible();
  expect(screen.queryByRole("combobox")).toBeNull();
});
