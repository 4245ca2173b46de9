export function messageTypes(): Promise<string>;
