import { messageTypes } from "../../messages.mjs";
import written from "./messages.ts?raw";

test("the types are those of the schema: npm run messages", async () => {
  expect(written).toBe(await messageTypes());
});
