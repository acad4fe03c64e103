import type { Agent } from '../configuration/model.ts';
import type { Connector, ConnectorObjectType } from '../connector.ts';
import { createCsvConnector, csvSettingsSchema } from './csv.ts';
import { createLdifConnector, ldifSettingsSchema } from './ldif.ts';

/** The connector of an agent. Its settings were checked with the configuration. */
export function createConnector(agent: Agent): Connector {
  const types = new Map<string, ConnectorObjectType>([...agent.types].map(([name, type]) => [name, type.schema]));
  const { kind, ...settings } = agent.connector.settings as { kind: string };
  switch (kind) {
    case 'csv':
      return createCsvConnector(csvSettingsSchema.parse(settings), types);
    case 'ldif':
      return createLdifConnector(ldifSettingsSchema.parse(settings), types);
    default:
      throw new Error(`There is no connector ${kind}.`);
  }
}
