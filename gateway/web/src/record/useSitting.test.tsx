import { act, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";

import { TokenProvider } from "../api/token";
import { SessionProvider } from "../session/useSession";
import { progress, study } from "../test/study";
import { useSitting } from "./useSitting";

const within = ({ children }: { readonly children: ReactNode }) => (
  <TokenProvider>
    <SessionProvider>{children}</SessionProvider>
  </TokenProvider>
);
const SITTING = { study: "daily-care", user: "p07", helper: "p07" };

test("a command that the page does not offer does nothing, and the commands stay the same object", () => {
  const loaded = { study: study(), progress: progress([0, 0]) };
  const { result, rerender } = renderHook(() => useSitting(SITTING, loaded), { wrapper: within });
  const { commands } = result.current;
  act(() => commands.start());
  rerender();
  expect(result.current.flow.step).toBe("consent");
  expect(result.current.controls).toEqual([]);
  expect(result.current.commands).toBe(commands);
});
