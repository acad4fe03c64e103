// The configuration as the engine uses it: checked whole, every name resolved, every expression compiled.
import type { AttributeType, ConnectorObjectType } from '../connector.ts';
import type { Expression } from './expressions.ts';

export interface MetaverseAttribute {
  name: string;
  type: AttributeType;
  multivalued: boolean;
  /** The MARKS of ingest/event.ts, added up. */
  marks: number;
  /** Agents in falling rank; those not named come after, in the order of the file. */
  precedence: string[];
}

/** When a metaverse object is deleted: when its last connector goes, when one of these agents' goes, or never. */
export type DeletionRule = { when: 'last-connector' } | { when: 'never' } | { when: 'any-of'; agents: string[] };

export interface MetaverseType {
  name: string;
  about: 'person' | 'other';
  /** The attribute that an object is called by. */
  nameAttribute: string;
  /** The attribute that holds a person's last day, where there is one. */
  leavingDateAttribute?: string;
  attributes: ReadonlyMap<string, MetaverseAttribute>;
  deletion: DeletionRule;
}

export interface JoinRule {
  objectType: string;
  /** Ordered; the pairs (metaverse attribute, connector attribute) of one criterion must all be equal. */
  criteria: { metaverse: string; connector: string }[][];
}

export interface ImportFlow {
  /** Metaverse attribute. */
  to: string;
  /** The name of this rule in events: agent/type/attribute. */
  rule: string;
  from: { attribute: string } | { expression: Expression };
  /** Whether the metaverse attribute may hold several values. */
  multivalued: boolean;
  /** false: the value stays when the entry goes (MIM: do not recall). */
  recall: boolean;
}

export interface ProvisioningRule {
  rule: string;
  objectType: string;
  when: Expression | undefined;
  dn: Expression;
  /** What happens to the connector when `when` no longer holds or the object is deleted. */
  otherwise: 'keep' | 'disconnect' | 'delete';
}

export interface ExportFlow {
  /** Connector attribute. */
  to: string;
  rule: string;
  from: { attribute: string } | { expression: Expression };
  /** Only while the entry is being provisioned (MIM: initial flow only). */
  initialOnly: boolean;
  /** false: an empty metaverse value does not empty the connector's (MIM: suppress deletions). */
  allowNull: boolean;
  /** What is written instead of nothing, for attributes that may not be empty. */
  whenEmpty: string | undefined;
}

/** What one agent does with one of its object types. */
export interface AgentType {
  schema: ConnectorObjectType;
  filter: Expression | undefined;
  join: JoinRule | undefined;
  /** The metaverse type that an entry becomes a new object of when nothing joins. */
  projection: string | undefined;
  /** The metaverse type that its import flows go to. */
  importTo: string | undefined;
  importFlows: ImportFlow[];
  provisioning: ProvisioningRule | undefined;
  exportFlows: ExportFlow[];
  /** Attributes computed from the entry, in order. */
  computed: { attribute: string; expression: Expression }[];
}

export const STEP_KINDS = ['full-import', 'delta-synchronization', 'full-synchronization', 'export'] as const;
export type StepKind = (typeof STEP_KINDS)[number];

export interface Agent {
  name: string;
  connector: { kind: string; settings: unknown };
  types: ReadonlyMap<string, AgentType>;
  /** correct: a change made by hand in an attribute that we export is exported over; report: it is only recorded. */
  drift: 'correct' | 'report';
  /** The largest share of the objects of one type that a full image may delete. */
  deleteShare: number;
  runProfiles: ReadonlyMap<string, StepKind[]>;
}

/** Durations such as `10 years`. */
export interface Retention {
  events?: string | undefined;
  reads?: string | undefined;
  /** How many events of a new log go together; a power of two. */
  partitionEvents?: number | undefined;
}

/** What somebody who is signed in may be; api/access says what each may. */
export const ROLES = ['auditor', 'investigator', 'manager', 'operator', 'administrator'] as const;
export type Role = (typeof ROLES)[number];

/** Who sees what of the log. */
export interface AccessRules {
  /** By role the MARKS, added up, whose values it does not see; absent: what the role does not see unless told otherwise. */
  hidden: Readonly<Partial<Record<Role, number>>>;
  /** The reference of a person to whom they report to; absent: no manager sees anybody. */
  managerAttribute?: string | undefined;
  /** The attribute of a person that says who they are to the identity provider. */
  identityAttribute?: string | undefined;
}

export interface Configuration {
  name: string;
  metaverse: ReadonlyMap<string, MetaverseType>;
  agents: ReadonlyMap<string, Agent>;
  /** How long the log keeps everything, and the questions asked of it; absent: for good. */
  retention: Retention;
  access: AccessRules;
  /** What one cycle runs, in order. */
  cycle: { agent: string; profile: string }[];
  /** The text as it was read, and its SHA-256 (hex). */
  text: string;
  sha256: string;
}
