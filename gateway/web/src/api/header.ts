import { words } from "../words";
import constants from "./constants.json";

/** The fields with which every message to the server begins. Each message has its own record_id. */
export function messageHeader(userId: string, performerId: string) {
  return {
    schema_version: constants.schema_version,
    record_id: newRecordId(),
    user_id: userId,
    performer_id: performerId,
    timestamp: new Date().toISOString(),
  };
}

/** A UUID, version 4. It does not use `crypto.randomUUID`, which browsers offer only to pages loaded over HTTPS. */
export function newRecordId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(bytes, (byte, place) => {
    const set = place === 6 ? (byte & 0x0f) | 0x40 : place === 8 ? (byte & 0x3f) | 0x80 : byte;
    return set.toString(16).padStart(2, "0");
  }).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const IDENTIFIER = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/** A sentence that says why the server would refuse `text` as an id; undefined if it is valid or empty. */
export function identifierFault(text: string): string | undefined {
  if (text === "" || isIdentifier(text)) return undefined;
  const wrong = Array.from(text).find((sign) => !/[A-Za-z0-9._-]/.test(sign));
  const { id } = words().failures;
  if (wrong === undefined) return text.startsWith(".") ? id.dot : id.long;
  return id.wrong(/\s/.test(wrong) ? id.spaces : id.sign(wrong));
}

/** Whether the server would accept `text` as the id of a person. */
export function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text);
}
