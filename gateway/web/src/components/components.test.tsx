import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";

import { Button } from "./Button";
import { Copyable } from "./Copyable";
import { ErrorBanner } from "./ErrorBanner";
import { StatusText } from "./StatusText";

test("a button is pressed by mouse and by keyboard", async () => {
  const pressed = vi.fn<() => void>();
  render(<Button onClick={pressed}>Stop</Button>);
  await userEvent.click(screen.getByRole("button", { name: "Stop" }));
  await userEvent.keyboard("{Enter} ");
  expect(pressed).toHaveBeenCalledTimes(3);
});

test("a key that is held down presses once", () => {
  render(<Button>Next</Button>);
  const button = screen.getByRole("button", { name: "Next" });
  // false: the browser does not press the button
  expect(fireEvent.keyDown(button, { key: "Enter" })).toBe(true);
  expect(fireEvent.keyDown(button, { key: "Enter", repeat: true })).toBe(false);
});

test("a blocked button says why, keeps its place for the keyboard, and does nothing", async () => {
  const pressed = vi.fn<() => void>();
  render(
    <Button onClick={pressed} blocked="Wait two seconds.">
      Stop
    </Button>,
  );
  await userEvent.tab();
  const button = screen.getByRole("button", { name: "Stop" });
  expect(button).toHaveFocus();
  expect(button).toHaveAccessibleDescription("Wait two seconds.");
  await userEvent.keyboard("{Enter} ");
  await userEvent.click(button);
  expect(pressed).not.toHaveBeenCalled();
});

test("a blocked button does not send its form", async () => {
  const sent = vi.fn<() => void>();
  render(
    <form onSubmit={sent}>
      <Button type="submit" blocked="Not yet.">
        Send
      </Button>
    </form>,
  );
  await userEvent.click(screen.getByRole("button", { name: "Send" }));
  expect(sent).not.toHaveBeenCalled();
});

test("focus stays where it is when a button is blocked or free again", async () => {
  const { rerender } = render(<Button>Stop</Button>);
  await userEvent.tab();
  rerender(<Button blocked="Not now.">Stop</Button>);
  expect(screen.getByRole("button", { name: "Stop" })).toHaveFocus();
  rerender(<Button busy>Stop</Button>);
  expect(screen.getByRole("button", { name: "Stop" })).toHaveFocus();
});

test("the place for errors is there before there is one, so that it is read out", () => {
  const { rerender } = render(<ErrorBanner failure={null}>way on</ErrorBanner>);
  const place = screen.getByRole("alert");
  expect(place).toBeEmptyDOMElement();
  rerender(<ErrorBanner failure={{ code: "timeout", sentence: "It took too long." }}>way on</ErrorBanner>);
  expect(screen.getByRole("alert")).toBe(place);
  expect(place).toHaveTextContent("It took too long.");
  expect(place).toHaveTextContent("Code: timeout");
  expect(place).toHaveTextContent("way on");
});

test("a status is in words, and says what it is of", () => {
  render(
    <StatusText label="Connection" tone="warning">
      slow
    </StatusText>,
  );
  expect(screen.getByRole("status", { name: "Connection" })).toHaveTextContent("Connection: slow");
});

test("an id is shown whole, and copied; where that is forbidden it is selected", async () => {
  const user = userEvent.setup();
  render(
    <dl>
      <Copyable name="record_id" value="0001" hint="A hint." />
    </dl>,
  );
  await user.click(screen.getByRole("button", { name: "Copy record_id" }));
  expect(await screen.findByRole("button", { name: "Copied record_id" })).toBeVisible();
  expect(await navigator.clipboard.readText()).toBe("0001");
  vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new DOMException("no", "NotAllowedError"));
  await user.click(screen.getByRole("button", { name: "Copied record_id" }));
  await waitFor(() => expect(window.getSelection()?.toString()).toBe("0001"));
});
