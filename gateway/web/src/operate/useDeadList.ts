import { useCallback, useMemo } from "react";

import { json } from "../api/http";
import type { DeadItem, DeadItemWhole, DeadPage } from "../api/messages";
import { useAccess } from "../api/token";
import { useAnswer, type Answered } from "../library/useAnswer";

export interface DeadList extends Pick<Answered<DeadPage>, "answer" | "failure" | "reload"> {
  /** Adds the page at this cursor to the list. Throws if the server refuses. */
  readonly more: (cursor: string) => Promise<void>;
  readonly whole: (item: DeadItem) => Promise<DeadItemWhole>;
  /** Both remove the item from the list. They throw if the server refuses. */
  readonly retry: (item: DeadItem) => Promise<void>;
  readonly drop: (item: DeadItem) => Promise<void>;
}

/** The list of what could not be recorded, page by page, and what can be done with an item. */
export function useDeadList(): DeadList {
  const { send } = useAccess();
  const first = useCallback(async () => json<DeadPage>(await send("GET", "/operate/dead")), [send]);
  const { answer, failure, reload, change } = useAnswer(first);

  const steps = useMemo(() => {
    const act = async (item: DeadItem, step: "retry" | "drop") => {
      await send("POST", `${address(item)}/${step}`);
      change((page) => without(page, item));
    };
    return {
      more: async (cursor: string) => {
        const page = await json<DeadPage>(await send("GET", `/operate/dead?cursor=${encodeURIComponent(cursor)}`));
        change(({ items }) => ({ ...page, items: [...items, ...page.items] }));
      },
      whole: async (item: DeadItem) => json<DeadItemWhole>(await send("GET", address(item))),
      retry: (item: DeadItem) => act(item, "retry"),
      drop: (item: DeadItem) => act(item, "drop"),
    };
  }, [change, send]);

  return { answer, failure, reload, ...steps };
}

/** The page without an item that is gone. */
export function without(page: DeadPage, { id }: Pick<DeadItem, "id">): DeadPage {
  return { ...page, items: page.items.filter((item) => item.id !== id), total: Math.max(0, page.total - 1) };
}

function address({ id }: DeadItem): string {
  return `/operate/dead/${encodeURIComponent(id)}`;
}
