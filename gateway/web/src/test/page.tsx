import { render, screen, waitFor, type RenderResult } from "@testing-library/react";
import { userEvent, type UserEvent } from "@testing-library/user-event";
import type { ReactElement } from "react";

import { TokenProvider } from "../api/token";
import { SessionProvider } from "../session/useSession";

/** Renders an element inside the providers of `App`, and returns a simulated user. */
export function renderPage(page: ReactElement): RenderResult & { user: UserEvent } {
  const user = userEvent.setup({ delay: null });
  const rendered = render(
    <TokenProvider>
      <SessionProvider>{page}</SessionProvider>
    </TokenProvider>,
  );
  return { ...rendered, user };
}

/**
 * Enters the people, unless the fields are filled already, and starts a session: the person who is recorded says yes. Does
 * nothing more if the question does not come.
 */
export async function startSession(user: UserEvent, userId = "demo-user", performerId = "demo-carer"): Promise<void> {
  for (const [label, id] of [
    ["Person in the session (user_id)", userId],
    ["You (performer_id)", performerId],
  ] as const) {
    const field = screen.getByLabelText<HTMLInputElement>(label);
    if (field.value === "") await user.type(field, id);
  }
  const start = screen.queryByRole("button", { name: "Start Session" });
  const blocked = start?.hasAttribute("aria-disabled"); // looked at before the click, which makes it busy
  if (start) await user.click(start);
  if (blocked) return;
  await waitFor(() => expect(screen.getByRole("heading", { name: "First, a question" })).toBeVisible());
  await user.click(screen.getByRole("radio", { name: "The person who is recorded" }));
  await user.click(screen.getByRole("button", { name: "Yes, start the session" }));
}
