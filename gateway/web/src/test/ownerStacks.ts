import * as React from "react";

const INTERNALS = "__CLIENT_INTERNALS_DO_NOT_USE_OR_WARN_USERS_THEY_CANNOT_UPGRADE";

/**
 * Lets React's development build record no stack for each element that is made: a sixth of the tests' processor time, and
 * only its warnings would show them. React makes none after 10,000 in a second, so it believes that there were as many.
 */
export function recordNoOwnerStacks(): void {
  const internals = (React as unknown as Record<string, object | undefined>)[INTERNALS];
  if (!internals || !("recentlyCreatedOwnerStacks" in internals))
    throw new Error("React counts its stacks elsewhere now");
  Object.defineProperty(internals, "recentlyCreatedOwnerStacks", {
    configurable: true,
    get: () => Infinity,
    set() {}, // React counts, and begins again each second
  });
}
