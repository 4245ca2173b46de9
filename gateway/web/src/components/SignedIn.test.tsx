import { screen, waitFor } from "@testing-library/react";
import { useEffect } from "react";

import { useAccess } from "../api/token";
import { expectAccessible } from "../test/axe";
import { renderPage } from "../test/page";
import { answer, FakeServer } from "../test/server";
import { SignedIn } from "./SignedIn";

function Header({ onLeave }: { readonly onLeave: () => void }) {
  const { enter } = useAccess();
  useEffect(() => void enter(false), [enter]);
  return (
    <main>
      <h1>A page</h1>
      <SignedIn onLeave={onLeave} />
    </main>
  );
}

const SESSION = { sessionId: "sess_0123456789abcdef", userId: "anna-1", performerId: "bea" };

beforeEach(() => {
  const who = { name: "ana-phone", role: "record", user_ids: ["anna-1"], expires_at: null };
  new FakeServer().on("GET /access/me", () => answer(who));
});

test("signing out leaves at once, if no session is open", async () => {
  sessionStorage.setItem("a3cp.people", JSON.stringify(["anna-1"]));
  const left = vi.fn<() => void>();
  const { user } = renderPage(<Header onLeave={left} />);
  await user.click(await screen.findByRole("button", { name: "Sign out" }));
  await waitFor(() => expect(left).toHaveBeenCalledOnce());
  expect(sessionStorage).toHaveLength(0);
});

test("an open session is said first, and is not what the tab remembers afterwards", async () => {
  sessionStorage.setItem("a3cp.session", JSON.stringify(SESSION));
  const left = vi.fn<() => void>();
  const { user } = renderPage(<Header onLeave={left} />);
  await user.click(await screen.findByRole("button", { name: "Sign out" }));
  expect(screen.getByRole("dialog", { name: "Sign out?" })).toHaveTextContent("still open");
  await expectAccessible();
  await user.click(screen.getByRole("button", { name: "Cancel" }));
  expect(left).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "Sign out" }));
  const [, confirm] = screen.getAllByRole("button", { name: "Sign out", hidden: true });
  await user.click(confirm as HTMLElement);
  await waitFor(() => expect(left).toHaveBeenCalledOnce());
  expect(sessionStorage.getItem("a3cp.session")).toBeNull();
});
