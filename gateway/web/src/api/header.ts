import constants from "./constants.json";

/** The fields that every message to the server begins with; each message is a record of its own. */
export function messageHeader(userId: string, performerId: string) {
  return {
    schema_version: constants.schema_version,
    record_id: newRecordId(),
    user_id: userId,
    performer_id: performerId,
    timestamp: new Date().toISOString(),
  };
}

/** A UUID, version 4. Not `crypto.randomUUID`: browsers keep that from pages that came by plain HTTP. */
export function newRecordId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(bytes, (byte, place) => {
    const set = place === 6 ? (byte & 0x0f) | 0x40 : place === 8 ? (byte & 0x3f) | 0x80 : byte;
    return set.toString(16).padStart(2, "0");
  }).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const IDENTIFIER = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/** Why the server would not take `text` as an id, as a sentence; undefined if it would, or if it is empty. */
export function identifierFault(text: string): string | undefined {
  if (text === "" || isIdentifier(text)) return undefined;
  const wrong = Array.from(text).find((sign) => !/[A-Za-z0-9._-]/.test(sign));
  if (wrong === undefined) return text.startsWith(".") ? "A dot cannot be its first sign." : "It is too long.";
  const named = /\s/.test(wrong) ? "A space" : `“${wrong}”`;
  return `${named} cannot be in it. Use a to z, A to Z, digits, dots, dashes and underscores, without spaces.`;
}

/** Whether the server would take `text` as the id of a person. */
export function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text);
}
