// Values of type integer and boolean have one spelling inside the engine ("7", "true"), whatever the connected system
// writes ("007", "TRUE"), or the same value would look changed. All other types are kept as they were written.
import type { AttributeType } from '../connector.ts';

const INTEGER = /^[+-]?[0-9]+$/;
const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 63n - 1n;

/** The discovery errors for values that are not of their type. */
export const VALUE_ERRORS: Partial<Record<AttributeType, { error: string; expected: string }>> = {
  integer: { error: 'invalid-numeric-value', expected: 'a whole number of at most 64 bits' },
  boolean: { error: 'invalid-boolean-value', expected: 'true or false' },
};

/** The value in the engine's spelling; undefined: it is not of that type. */
export function readTypedValue(type: AttributeType, value: string): string | undefined {
  if (type === 'integer') return readInteger(value);
  if (type === 'boolean') {
    const lower = value.toLowerCase();
    return lower === 'true' || lower === 'false' ? lower : undefined;
  }
  return value;
}

function readInteger(value: string): string | undefined {
  // 20 digits hold any 64-bit number; longer text is refused before it becomes an expensive BigInt.
  if (value.length > 40 || !INTEGER.test(value)) return undefined;
  const number = BigInt(value.replace('+', ''));
  return number < INTEGER_MIN || number > INTEGER_MAX ? undefined : number.toString();
}
