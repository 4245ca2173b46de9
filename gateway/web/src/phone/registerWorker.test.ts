import { afterEach, expect, test, vi } from "vitest";

import { registerWorker } from "./registerWorker";

function browserWith(serviceWorker: unknown): void {
  Object.defineProperty(navigator, "serviceWorker", { configurable: true, value: serviceWorker });
}

afterEach(() => browserWith(undefined));

test("the worker is beside the first page, and answers for all pages", async () => {
  const register = vi.fn<() => Promise<void>>(() => Promise.resolve());
  browserWith({ register });
  await registerWorker();
  expect(register).toHaveBeenCalledWith("/worker.js", { scope: "/" });
});

test("a browser without workers, or one that refuses, is no failure", async () => {
  browserWith(undefined);
  await expect(registerWorker()).resolves.toBeUndefined();
  browserWith({ register: () => Promise.reject(new Error("not at this address")) });
  await expect(registerWorker()).resolves.toBeUndefined();
});
