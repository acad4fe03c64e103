// Resolves one agent: its object types, and the rules that it has for each.

import type { ConnectorAttribute, ConnectorObjectType } from '../connector.ts';
import { isSecretAttribute } from '../secrets.ts';
import type { Path } from './document.ts';
import type { Agent, AgentType, ExportFlow, ImportFlow, JoinRule, MetaverseType, ProvisioningRule } from './model.ts';
import { RESERVED_NAMES, type Resolution, reservedMessage, sumOfMarks } from './resolve.ts';
import type { AgentShape, ConnectorAttributeShape, ConnectorObjectShape } from './shape.ts';

type Metaverse = ReadonlyMap<string, MetaverseType>;

const RULE_KEYS = ['filter', 'join', 'projection', 'import_flow', 'provisioning', 'export_flow'] as const;

export function resolveAgent(name: string, shape: AgentShape, metaverse: Metaverse, resolution: Resolution): Agent {
  const path = ['agents', name];
  const schemas = new Map(
    Object.keys(shape.objects).map((type) => [
      type,
      resolveSchema(shape, type, [...path, 'objects', type], resolution),
    ]),
  );
  for (const key of RULE_KEYS)
    for (const type of Object.keys(shape[key])) resolution.look(schemas, type, [...path, key, type], 'object type');
  const types = new Map(
    [...schemas].map(([type, schema]) => [type, resolveType(name, shape, schema, metaverse, resolution)]),
  );
  const canExport = shape.connector.kind === 'ldif';
  if (!canExport) refuseExports(shape, path, resolution);
  if (shape.connector.kind === 'ldif' && holdsSecret(shape.connector.initial ?? ''))
    resolution.fault(
      [...path, 'connector', 'initial'],
      'a password or another secret does not belong here: leave it out',
    );
  for (const [profile, steps] of Object.entries(shape.run_profiles)) {
    if (steps.includes('export') && !canExport)
      resolution.fault([...path, 'run_profiles', profile], `a ${shape.connector.kind} connector cannot export`);
  }
  return {
    name,
    connector: { kind: shape.connector.kind, settings: shape.connector },
    types,
    drift: shape.drift,
    deleteShare: shape.delete_share,
    runProfiles: new Map(Object.entries(shape.run_profiles)),
  };
}

function refuseExports(shape: AgentShape, path: Path, resolution: Resolution): void {
  for (const key of ['provisioning', 'export_flow'] as const)
    for (const type of Object.keys(shape[key]))
      resolution.fault([...path, key, type], `a ${shape.connector.kind} connector cannot export`);
}

/** The configuration is recorded as it is, so the entries of a directory to be made must not carry what is never recorded. */
function holdsSecret(ldif: string): boolean {
  return ldif.split('\n').some((line) => isSecretAttribute(line.split(':')[0]?.trim() ?? ''));
}

function resolveSchema(shape: AgentShape, type: string, path: Path, resolution: Resolution): ConnectorObjectType {
  const object = shape.objects[type] as ConnectorObjectShape;
  const attributes = new Map(
    Object.entries(object.attributes).map(([name, value]) => [
      name,
      resolveAttribute(name, value, shape, [...path, 'attributes', name], resolution),
    ]),
  );
  resolution.look(attributes, object.anchor, [...path, 'anchor'], 'attribute');
  if (shape.connector.kind === 'ldif' && object.class === undefined)
    resolution.fault(path, 'an object type of an ldif connector needs a class');
  const derived = object.derived_from;
  if (derived) {
    const from = shape.objects[derived.object];
    if (!from)
      resolution.fault(
        [...path, 'derived_from', 'object'],
        `there is no object type ${derived.object}; there is ${Object.keys(shape.objects).join(', ')}`,
      );
    else if (!from.attributes[derived.attribute])
      resolution.fault(
        [...path, 'derived_from', 'attribute'],
        `${derived.object} has no attribute ${derived.attribute}`,
      );
    resolution.look(attributes, derived.members, [...path, 'derived_from', 'members'], 'attribute');
  }
  return {
    name: type,
    anchor: object.anchor,
    attributes,
    ...(derived && { derived: { object: derived.object, attribute: derived.attribute, member: derived.members } }),
    ...(object.class !== undefined && {
      objectClass: object.class,
      objectClasses: object.object_classes ?? [object.class],
    }),
    ...(object.under !== undefined && { under: object.under }),
  };
}

function resolveAttribute(
  name: string,
  value: ConnectorAttributeShape,
  shape: AgentShape,
  path: Path,
  resolution: Resolution,
): ConnectorAttribute {
  const full =
    typeof value === 'string' ? { column: value, type: 'string' as const, multivalued: false, marks: [] } : value;
  const column = full.column ?? name;
  if (isSecretAttribute(name) || isSecretAttribute(column) || full.marks.includes('secret')) {
    resolution.fault(path, `${name} is a secret; secrets are neither read nor written, leave it out`);
  }
  if (RESERVED_NAMES.has(name)) resolution.fault(path, reservedMessage(name));
  const reference = 'reference' in full ? full.reference : undefined;
  if (full.type === 'reference' && !reference) resolution.fault(path, 'a reference needs `reference: { objects, by }`');
  const objects = reference ? [reference.objects].flat() : [];
  for (const object of objects) {
    const target = shape.objects[object];
    if (!target)
      resolution.fault(
        [...path, 'reference', 'objects'],
        `there is no object type ${object}; there is ${Object.keys(shape.objects).join(', ')}`,
      );
    else if (reference && !['anchor', 'dn'].includes(reference.by) && !target.attributes[reference.by]) {
      resolution.fault(
        [...path, 'reference', 'by'],
        `${object} has no attribute ${reference.by}; by is anchor, dn or an attribute`,
      );
    }
  }
  return {
    name,
    type: reference ? 'reference' : full.type,
    multivalued: full.multivalued || ('separator' in full && full.separator !== undefined),
    column,
    marks: sumOfMarks(full.marks),
    ...('separator' in full && full.separator !== undefined && { separator: full.separator }),
    ...(reference && { reference: { objects, by: reference.by } }),
    ...('computed' in full && full.computed !== undefined && { computed: full.computed }),
  };
}

function resolveType(
  agent: string,
  shape: AgentShape,
  schema: ConnectorObjectType,
  metaverse: Metaverse,
  resolution: Resolution,
): AgentType {
  const type = schema.name;
  const path = ['agents', agent];
  const rule = (kind: string) => `${agent}/${type}/${kind}`;
  const filter = shape.filter[type];
  const projection = shape.projection[type];
  if (projection !== undefined) resolution.look(metaverse, projection, [...path, 'projection', type], 'metaverse type');
  const join = resolveJoin(shape, schema, metaverse, path, resolution);
  const importTo = projection ?? join?.objectType;
  const provisioning = resolveProvisioning(shape, type, metaverse, rule('provisioning'), path, resolution);
  const exportFrom = metaverse.get(provisioning?.objectType ?? join?.objectType ?? projection ?? '');
  if (shape.export_flow[type] && !exportFrom)
    resolution.fault([...path, 'export_flow', type], 'nothing is provisioned, joined or projected to export from');
  return {
    schema,
    filter:
      filter === undefined ? undefined : resolution.compile(filter, rule('filter'), [...path, 'filter', type], true),
    join,
    projection,
    importTo,
    importFlows: resolveImportFlows(agent, shape, schema, metaverse.get(importTo ?? ''), resolution),
    provisioning,
    exportFlows: exportFrom ? resolveExportFlows(agent, shape, schema, exportFrom, resolution) : [],
    computed: [...schema.attributes.values()].flatMap((attribute) =>
      attribute.computed === undefined
        ? []
        : [
            {
              attribute: attribute.name,
              expression: resolution.compile(attribute.computed, rule(attribute.name), [
                ...path,
                'objects',
                type,
                'attributes',
                attribute.name,
                'computed',
              ]),
            },
          ],
    ),
  };
}

function resolveJoin(
  shape: AgentShape,
  schema: ConnectorObjectType,
  metaverse: Metaverse,
  path: Path,
  resolution: Resolution,
): JoinRule | undefined {
  const join = shape.join[schema.name];
  if (!join) return undefined;
  const at = [...path, 'join', schema.name];
  const target = resolution.look(metaverse, join.object, [...at, 'object'], 'metaverse type');
  const projection = shape.projection[schema.name];
  if (projection !== undefined && projection !== join.object)
    resolution.fault([...at, 'object'], `joins go to ${join.object} but projection to ${projection}`);
  for (const [index, criterion] of join.criteria.entries())
    if (Object.keys(criterion).length === 0)
      resolution.fault([...at, 'criteria', index], 'a criterion compares at least one attribute');
  const criteria = join.criteria.map((criterion, index) =>
    Object.entries(criterion).map(([mv, cs]) => {
      if (target) resolution.look(target.attributes, mv, [...at, 'criteria', index, mv], 'attribute', target.name);
      resolution.look(schema.attributes, cs, [...at, 'criteria', index, mv], 'attribute', schema.name);
      return { metaverse: mv, connector: cs };
    }),
  );
  return { objectType: join.object, criteria };
}

function resolveProvisioning(
  shape: AgentShape,
  type: string,
  metaverse: Metaverse,
  rule: string,
  path: Path,
  resolution: Resolution,
): ProvisioningRule | undefined {
  const provisioning = shape.provisioning[type];
  if (!provisioning) return undefined;
  const at = [...path, 'provisioning', type];
  resolution.look(metaverse, provisioning.object, [...at, 'object'], 'metaverse type');
  return {
    rule,
    objectType: provisioning.object,
    when:
      provisioning.when === undefined ? undefined : resolution.compile(provisioning.when, rule, [...at, 'when'], true),
    dn: resolution.compile(provisioning.dn, rule, [...at, 'dn']),
    otherwise: provisioning.otherwise,
  };
}

function resolveImportFlows(
  agent: string,
  shape: AgentShape,
  schema: ConnectorObjectType,
  target: MetaverseType | undefined,
  resolution: Resolution,
): ImportFlow[] {
  const at = ['agents', agent, 'import_flow', schema.name];
  const flows = shape.import_flow[schema.name];
  if (!flows) return [];
  if (!target) {
    resolution.fault(at, 'there is neither a join nor a projection that says which metaverse type it flows to');
    return [];
  }
  return Object.entries(flows).map(([to, flow]): ImportFlow => {
    const full = typeof flow === 'string' ? { from: flow, recall: true } : flow;
    const rule = `${agent}/${schema.name}/${to}`;
    const attribute = resolution.look(target.attributes, to, [...at, to], 'attribute', target.name);
    if ('expression' in full && full.expression !== undefined) {
      return {
        to,
        rule,
        from: { expression: resolution.compile(full.expression, rule, [...at, to]) },
        multivalued: attribute?.multivalued ?? true,
        recall: full.recall,
      };
    }
    const from = resolution.look(schema.attributes, full.from ?? '', [...at, to], 'attribute', schema.name);
    if (from && attribute) checkFlow(from, attribute, [...at, to], resolution);
    const multivalued = attribute?.multivalued ?? true;
    return { to, rule, from: { attribute: full.from ?? '' }, multivalued, recall: full.recall };
  });
}

function resolveExportFlows(
  agent: string,
  shape: AgentShape,
  schema: ConnectorObjectType,
  origin: MetaverseType,
  resolution: Resolution,
): ExportFlow[] {
  const at = ['agents', agent, 'export_flow', schema.name];
  return Object.entries(shape.export_flow[schema.name] ?? {}).map(([to, flow]): ExportFlow => {
    const full = typeof flow === 'string' ? { from: flow, initial_only: false, allow_null: true } : flow;
    const rule = `${agent}/${schema.name}/${to}`;
    const target = resolution.look(schema.attributes, to, [...at, to], 'attribute', schema.name);
    if (target?.computed !== undefined) resolution.fault([...at, to], `${to} is computed and cannot be exported`);
    const rest = {
      to,
      rule,
      initialOnly: full.initial_only,
      allowNull: full.allow_null,
      whenEmpty: 'when_empty' in full ? full.when_empty : undefined,
    };
    if ('expression' in full && full.expression !== undefined) {
      return { ...rest, from: { expression: resolution.compile(full.expression, rule, [...at, to]) } };
    }
    const from = resolution.look(origin.attributes, full.from ?? '', [...at, to], 'attribute', origin.name);
    if (from && target) checkFlow(from, target, [...at, to], resolution);
    if (target?.reference && !['anchor', 'dn'].includes(target.reference.by))
      resolution.fault([...at, to], `a reference is exported by anchor or dn: ${to} is one by ${target.reference.by}`);
    return { ...rest, from: { attribute: full.from ?? '' } };
  });
}

interface Side {
  name: string;
  type: string;
  multivalued: boolean;
}

/** Values flow as they are: only references into references, and several only where several may be. */
function checkFlow(from: Side, to: Side, path: Path, resolution: Resolution): void {
  if ((from.type === 'reference') !== (to.type === 'reference'))
    resolution.fault(
      path,
      `a reference flows only into a reference: ${from.name} is ${from.type}, ${to.name} is ${to.type}`,
    );
  if (from.multivalued && !to.multivalued)
    resolution.fault(path, `${from.name} may hold several values, ${to.name} holds one`);
}
