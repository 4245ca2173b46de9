import { screen, waitFor } from "@testing-library/react";

import { MOTION, recorded } from "../test/library";
import { renderPage } from "../test/page";
import { answer, FakeServer, refusal, unreachable } from "../test/server";
import { Thumbnail } from "./Thumbnail";

const ROUTE = "GET /library/captures/c1/motion";

beforeEach(() => void vi.useFakeTimers({ shouldAdvanceTime: true }));
afterEach(() => void vi.useRealTimers());

function show(server: FakeServer) {
  const { container } = renderPage(<Thumbnail capture={recorded(1)} moving={false} />);
  const asked = () => server.asked.filter(({ path }) => path.includes("/motion")).length;
  return { asked, figure: () => container.querySelector("svg") };
}

test.each([
  ["the server is away", unreachable],
  ["the server is busy", () => refusal(503, "library_unavailable")],
])("a picture that cannot be loaded because %s comes later", async (_, away) => {
  const server = new FakeServer().on(ROUTE, away);
  const { figure } = show(server);
  expect(await screen.findByText("No picture")).toBeInTheDocument();
  server.on(ROUTE, () => answer(MOTION));
  await vi.advanceTimersByTimeAsync(6000);
  await waitFor(() => expect(figure()).not.toBeNull());
  expect(screen.queryByText("No picture")).toBeNull();
});

test("a picture that the server does not have is asked for once", async () => {
  const { asked } = show(new FakeServer());
  expect(await screen.findByText("No picture")).toBeInTheDocument();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked()).toBe(1);
});
