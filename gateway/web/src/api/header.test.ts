import { identifierFault, isIdentifier, messageHeader, newRecordId } from "./header";

test("a record_id is a UUID of version 4, and a new one each time", () => {
  const ids = Array.from({ length: 200 }, newRecordId);
  expect(new Set(ids).size).toBe(200);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("ids are made in pages without a secure context too", () => {
  vi.stubGlobal("crypto", { getRandomValues: (bytes: Uint8Array) => bytes.fill(255) });
  expect(newRecordId()).toBe("ffffffff-ffff-4fff-bfff-ffffffffffff");
});

test("each message has a record_id of its own", () => {
  expect(messageHeader("u", "p").record_id).not.toBe(messageHeader("u", "p").record_id);
});

test.each(["a", "A-Z_0.9", "_", "-", "a".repeat(128)])("%s is a valid id", (text) => {
  expect(isIdentifier(text)).toBe(true);
});

test.each(["", ".a", "a b", "ä", "a/b", "a\n", "a".repeat(129)])("%j may not", (text) => {
  expect(isIdentifier(text)).toBe(false);
});

test.each([
  ["Müller", "It cannot contain “ü”. Use a to z"],
  ["a b", "It cannot contain spaces."],
  ["🙂", "It cannot contain “🙂”."],
  [".a", "The first character cannot be a dot."],
  ["a".repeat(129), "It is too long."],
])("what is wrong with %s is named", (text, sentence) => {
  expect(identifierFault(text)).toContain(sentence);
});

test.each(["", "a-1"])("nothing is wrong with %j", (text) => {
  expect(identifierFault(text)).toBeUndefined();
});
