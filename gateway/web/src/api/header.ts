import constants from "./constants.json";

/** The fields that every message to the server begins with; each message is a record of its own. */
export function messageHeader(userId: string, performerId: string) {
  return {
    schema_version: constants.schema_version,
    record_id: crypto.randomUUID(),
    user_id: userId,
    performer_id: performerId,
    timestamp: new Date().toISOString(),
  };
}

const IDENTIFIER = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/** Whether the server would take `text` as the id of a person. */
export function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text);
}
