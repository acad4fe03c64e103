// The shape of the configuration file. Unknown keys are refused everywhere; README.md of engine/ describes each key.
import { z } from 'zod';
import { csvSettingsSchema } from '../connectors/csv.ts';
import { ldifSettingsSchema } from '../connectors/ldif.ts';
import { ROLES, STEP_KINDS } from './model.ts';

const name = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'a name: a letter, then letters, digits, - or _');
const expression = z.string().min(1, 'an expression');
const attributeType = z.enum(['string', 'integer', 'boolean', 'time', 'binary', 'reference']);
const mark = z.enum(['entitlement', 'personal', 'sensitive', 'secret']);
const marks = z.array(mark).default([]);

const metaverseAttribute = z.union([
  attributeType,
  z.strictObject({
    type: attributeType.default('string'),
    multivalued: z.boolean().default(false),
    marks,
    precedence: z.array(name).optional(),
  }),
]);

const deletion = z.union([z.enum(['last-connector', 'never']), z.strictObject({ any_of: z.array(name).min(1) })]);

const metaverseType = z.strictObject({
  about: z.enum(['person', 'other']).default('other'),
  name: name,
  leaving_date: name.optional(),
  attributes: z.record(name, metaverseAttribute),
  deletion: deletion.default('last-connector'),
});

const connectorAttribute = z.union([
  z.string().min(1),
  z.strictObject({
    column: z.string().min(1).optional(),
    type: attributeType.default('string'),
    multivalued: z.boolean().default(false),
    separator: z.string().min(1).optional(),
    marks,
    reference: z.strictObject({ objects: z.union([name, z.array(name).min(1)]), by: z.string().min(1) }).optional(),
    computed: expression.optional(),
  }),
]);

const connectorObject = z.strictObject({
  anchor: name,
  attributes: z.record(name, connectorAttribute),
  derived_from: z.strictObject({ object: name, attribute: name, members: name }).optional(),
  class: z.string().min(1).optional(),
  object_classes: z.array(z.string().min(1)).min(1).optional(),
  under: z.string().min(1).optional(),
});

const importFlow = z.union([
  name,
  z
    .strictObject({ from: name.optional(), expression: expression.optional(), recall: z.boolean().default(true) })
    .refine((flow) => (flow.from === undefined) !== (flow.expression === undefined), 'needs either from or expression'),
]);

const exportFlow = z.union([
  name,
  z
    .strictObject({
      from: name.optional(),
      expression: expression.optional(),
      initial_only: z.boolean().default(false),
      allow_null: z.boolean().default(true),
      when_empty: z.string().min(1).optional(),
    })
    .refine((flow) => (flow.from === undefined) !== (flow.expression === undefined), 'needs either from or expression'),
]);

const connector = z.discriminatedUnion('kind', [
  csvSettingsSchema.extend({ kind: z.literal('csv') }),
  ldifSettingsSchema.extend({ kind: z.literal('ldif') }),
]);

const agent = z.strictObject({
  connector,
  objects: z.record(name, connectorObject),
  filter: z.record(name, expression).default({}),
  join: z.record(name, z.strictObject({ object: name, criteria: z.array(z.record(name, name)).min(1) })).default({}),
  projection: z.record(name, name).default({}),
  import_flow: z.record(name, z.record(name, importFlow)).default({}),
  provisioning: z
    .record(
      name,
      z.strictObject({
        object: name,
        when: expression.optional(),
        dn: expression,
        otherwise: z.enum(['keep', 'disconnect', 'delete']).default('keep'),
      }),
    )
    .default({}),
  export_flow: z.record(name, z.record(name, exportFlow)).default({}),
  drift: z.enum(['correct', 'report']).default('correct'),
  delete_share: z.number().min(0).max(1).default(0.2),
  run_profiles: z.record(name, z.array(z.enum(STEP_KINDS)).min(1)),
});

/** Of calendar days, months or years. */
const duration = z
  .string()
  .regex(/^[1-9]\d{0,4} (day|month|year)s?$/, 'a duration, such as 90 days, 6 months or 10 years');

const retention = z.strictObject({
  events: duration.optional(),
  reads: duration.optional(),
  partition_events: z
    .int()
    .refine((events) => events >= 256 && Number.isInteger(Math.log2(events)), 'a power of two, 256 or more')
    .optional(),
});

const access = z.strictObject({
  hidden: z.partialRecord(z.enum(ROLES), z.array(mark)).default({}),
  manager: name.optional(),
  identity: name.optional(),
});

export const configurationShape = z.strictObject({
  metatrail: z.literal(1),
  name: z.string().min(1),
  metaverse: z.record(name, metaverseType),
  agents: z.record(name, agent),
  retention: retention.default({}),
  access: access.default({ hidden: {} }),
  cycle: z.array(z.string().regex(/^[^/]+\/[^/]+$/, 'agent/profile')).default([]),
});

export type ConfigurationShape = z.infer<typeof configurationShape>;
export type AgentShape = z.infer<typeof agent>;
export type ConnectorObjectShape = z.infer<typeof connectorObject>;
export type ConnectorAttributeShape = z.infer<typeof connectorAttribute>;
export type MetaverseTypeShape = z.infer<typeof metaverseType>;
