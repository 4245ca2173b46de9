import { ApiError } from "../api/failure";
import { recorded } from "../test/library";
import type { LibraryPage } from "./api";
import { CaptureList } from "./CaptureList";

function pages(total: number) {
  const captures = Array.from({ length: total }, (_, at) => recorded(at));
  const asked: (string | undefined)[] = [];
  const server = { down: false };
  const api = {
    async captures(_: unknown, { cursor, limit = 0 }: { cursor?: string; limit?: number } = {}): Promise<LibraryPage> {
      asked.push(cursor);
      if (server.down) throw new ApiError("network_error");
      const from = Number(cursor ?? 0);
      const to = from + limit;
      return { captures: captures.slice(from, to), next: to < total ? String(to) : null, total };
    },
  };
  return { list: new CaptureList(api, {}), asked, server };
}

test("it is loaded page by page, one at a time, and then no more", async () => {
  const { list, asked } = pages(300);
  const changes = vi.fn<() => void>();
  const leave = list.subscribe(changes);
  await Promise.all([list.loadMore(), list.loadMore()]);
  expect(list.state()).toMatchObject({ total: 300, more: true, loading: false });
  expect(list.state().captures).toHaveLength(60);
  await list.loadMore();
  await list.loadMore();
  await list.loadMore();
  expect(asked).toEqual([undefined, "60", "260"]);
  expect(list.state()).toMatchObject({ more: false });
  leave();
  const before = changes.mock.calls.length;
  list.update(new Map([["c7", { review: "keep" }]]));
  expect(list.state().captures[7]?.review).toBe("keep");
  expect(changes).toHaveBeenCalledTimes(before);
});

test("all of it, and again from its beginning", async () => {
  const { list, asked } = pages(700);
  expect(await list.loadAll()).toBe(true);
  expect(list.state().captures).toHaveLength(700);
  await list.reload();
  expect(list.state().captures).toHaveLength(60);
  expect(asked).toEqual([undefined, "500", undefined]);
});

test("as much of it again as is loaded, and what is shown stays until then", async () => {
  const { list, asked } = pages(1300);
  await list.loadAll();
  const lengths = new Set<number>();
  list.subscribe(() => lengths.add(list.state().captures.length));
  await list.refresh();
  expect(asked.slice(3)).toEqual([undefined, "500", "1000"]);
  expect(lengths).toEqual(new Set([1300]));
  expect(list.state()).toMatchObject({ more: false, total: 1300 });
});

test("it begins again although more was asked for at the same moment", async () => {
  const { list, asked } = pages(700);
  const first = list.loadMore();
  void first.then(list.loadMore);
  await list.reload();
  expect(asked).toEqual([undefined, "60", undefined]);
  expect(list.state().captures).toHaveLength(60);
});

test("a failure is told, and what is loaded stays", async () => {
  const { list, server } = pages(700);
  await list.loadMore();
  server.down = true;
  expect(await list.loadAll()).toBe(false);
  expect(list.state()).toMatchObject({ failure: { code: "network_error" }, loading: false });
  expect(list.state().captures).toHaveLength(60);
  server.down = false;
  expect(await list.loadAll()).toBe(true);
  expect(list.state()).toMatchObject({ failure: null });
});
