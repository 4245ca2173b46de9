import { act, renderHook, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";

import { TokenProvider } from "../api/token";
import { captureOf, FakeLibrary } from "../test/fakeLibrary";
import { FakeServer } from "../test/server";
import { useLibraryCapture } from "./useLibraryCapture";

test("a change to another capture changes nothing in this one", async () => {
  const library = new FakeLibrary(new FakeServer(), [captureOf("a"), captureOf("b")]);
  const { result } = renderHook(() => useLibraryCapture("a"), { wrapper: TokenProvider });
  await waitFor(() => expect(result.current.capture?.capture_id).toBe("a"));
  act(() => result.current.change("b", { review: "reject" }));
  expect(result.current.capture?.review).toBeNull();
  library.change("a", { review: "keep" });
  act(() => result.current.change("a", { review: "keep" }));
  expect(result.current.capture?.review).toBe("keep");
  await waitFor(() => expect(library.server.to("GET /library/captures/a")).toHaveLength(3));
});
