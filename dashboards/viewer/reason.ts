// Why whoever looks wants to see sensitive values. Every question carries it, and it stands in the log with each. It is kept
// for this tab of the browser, until it is taken back or the tab is closed.
const KEY = 'metatrail-reason';

export const LONGEST_REASON = 500;

export function readReason(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

export function keepReason(reason: string): void {
  sessionStorage.setItem(KEY, reason);
}

export function forgetReason(): void {
  sessionStorage.removeItem(KEY);
}
