// Lets through whose roles allow a question; others are told which roles it takes.
import type { RequestHandler } from 'express';
import { checkMayAsk, ForbiddenError } from '../access/questions.ts';
import { readReader } from './authentication.ts';

export function allowing(question: string): RequestHandler {
  return (request, response, next) => {
    try {
      checkMayAsk(readReader(request), question);
    } catch (error) {
      if (!(error instanceof ForbiddenError)) throw error;
      response.status(403).type('text').send(error.message);
      return;
    }
    next();
  };
}
