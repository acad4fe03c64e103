// Values that a state rebuilt from the log knows only in part: an import brings them again, and until then none is sent.

const HASH_ONLY = /^sha256:[0-9a-f]{64};bytes=\d+$/;

/** A noncharacter of Unicode, so that no value of a connected system looks like it. */
const ERASED = '\u{fdd0}erased:';

/** What stands for a value that was erased: `key` is the number of the key that went, `setBy` the event that set it. */
export function erasedValue(key: number, setBy: number): string {
  return `${ERASED}${key}:${setBy}`;
}

export function isErased(value: string): boolean {
  return value.startsWith(ERASED);
}

/** Whether it is only the size and hash of a value, or what stands for an erased one. */
export function isUnknown(value: string): boolean {
  return HASH_ONLY.test(value) || isErased(value);
}
