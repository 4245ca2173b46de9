import { render, type RenderResult } from "@testing-library/react";
import { userEvent, type UserEvent } from "@testing-library/user-event";
import type { ReactElement } from "react";

import { TokenProvider } from "../api/token";
import { SessionProvider } from "../session/useSession";

/** Renders something within what `App` has around every page, and a person to use it. */
export function renderPage(page: ReactElement): RenderResult & { user: UserEvent } {
  const user = userEvent.setup({ delay: null });
  const rendered = render(
    <TokenProvider>
      <SessionProvider>{page}</SessionProvider>
    </TokenProvider>,
  );
  return { ...rendered, user };
}
