import type { Response } from 'express';

/** An answer in the form of GraphQL's errors. */
export function refuse(
  response: Response,
  status: number,
  message: string,
  code = 'BAD_USER_INPUT',
  more: Record<string, string> = {},
): void {
  response.status(status).json({ errors: [{ message, extensions: { code, ...more } }] });
}
