// How a command ends when something is wrong: one clear sentence (or a line for each fault) on stderr, exit code 1. An
// error of the program itself keeps its stack, for whoever has to find it.
import { ConfigurationError } from '../../engine/configuration/document.ts';
import { OtherInstallationError, UnknownNameError } from '../../engine/engine.ts';
import { ReplayError } from '../../engine/replay/replay.ts';
import { LogError, REMEDIES } from '../../ingest/errors.ts';
import { ReportParameterError } from '../../reports/definitions.ts';
import { OpenIdError } from '../access/openid.ts';
import { ForbiddenError } from '../access/questions.ts';
import { ChoiceError } from '../configuration-choice.ts';
import { EnvironmentError } from '../environment.ts';
import { ExportParameterError } from '../exports/parameters.ts';
import { explainUnrecorded } from '../graphql/errors.ts';
import { ListenError } from '../http/server.ts';
import { AnswerTooLargeError, BrokenLogError } from '../queries/context.ts';
import { UnrecordedReadError } from '../reads/recorder.ts';
import { CommandError } from './command-error.ts';

const FOR_PEOPLE = [
  ConfigurationError,
  UnknownNameError,
  OtherInstallationError,
  ReportParameterError,
  ExportParameterError,
  ChoiceError,
  EnvironmentError,
  ListenError,
  OpenIdError,
  CommandError,
  AnswerTooLargeError,
  BrokenLogError,
  ReplayError,
  ForbiddenError,
];

export function describeFailure(error: unknown): string {
  if (error instanceof UnrecordedReadError) return explainUnrecorded(error);
  if (error instanceof LogError) return `${error.message} ${REMEDIES[error.code]}`;
  if (error instanceof ConfigurationError) {
    const count = error.faults.length === 1 ? 'one fault' : `${error.faults.length} faults`;
    return `The configuration has ${count}:\n${error.message}`;
  }
  if (FOR_PEOPLE.some((kind) => error instanceof kind)) return error instanceof Error ? error.message : String(error);
  return `Metatrail failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
