// The contract between the engine and a connected system. A connector knows nothing of metaverse, rules or events:
// it reads entries and carries out changes. engine/connectors/README.md numbers what it MUST and SHOULD do;
// test/connector-conformance.test.ts holds every connector to it.

export type AttributeType = 'string' | 'integer' | 'boolean' | 'time' | 'binary' | 'reference';

/** Attribute name to values in order. An attribute without a value is absent, never an empty list. Binary is base64. */
export type Attributes = Record<string, string[]>;

/** An attribute of a connector-space object type, as the configuration declares it. */
export interface ConnectorAttribute {
  name: string;
  type: AttributeType;
  multivalued: boolean;
  /** CSV: the column it is read from. LDIF: the attribute's name in the directory. */
  column: string;
  /** CSV, multivalued: what separates the values within one field. */
  separator?: string;
  /** The MARKS of ingest/event.ts, added up. */
  marks: number;
  /** type reference: the object types it may name and what the value is: their anchor, their dn or an attribute. */
  reference?: { objects: string[]; by: string };
  /** A CEL expression over `entry`; the engine computes it, connectors neither read nor write it. */
  computed?: string;
}

/** A connector-space object type, as the configuration declares it. */
export interface ConnectorObjectType {
  name: string;
  /** The attribute (a key of `attributes`) whose one value is the anchor. */
  anchor: string;
  attributes: ReadonlyMap<string, ConnectorAttribute>;
  /** CSV: one object for each distinct value of `attribute` of the objects of type `object`; `member` gets their anchors. */
  derived?: { object: string; attribute: string; member: string };
  /** LDIF: entries that carry this object class are of this type. */
  objectClass?: string;
  /** LDIF: the object classes an added entry is given. */
  objectClasses?: string[];
  /** LDIF: only entries below this DN. */
  under?: string;
}

/** One object as the connected system holds it now. */
export interface ImportedEntry {
  type: string;
  /** The immutable key of the object in that system. */
  anchor: string;
  /** The distinguished name, where the system has one. */
  dn?: string;
  attributes: Attributes;
  /** Who made the last change, where the system says so. */
  initiator?: string;
  /** Where it stands in the input, for messages: "line 12". */
  place: string;
}

/** An input entry that cannot be staged; it is counted as refused and becomes an event. */
export interface RefusedEntry {
  /** A MIM discovery error: missing-anchor-component, duplicate-object, parse-error, missing-object-class, … */
  error: string;
  /** One sentence: what, where, remedy. Names columns and lines, never values but the anchor. */
  message: string;
  anchor?: string;
  type?: string;
  place: string;
}

/** What an import read, so that anyone can look it up again. */
export interface InputFile {
  /** File name, not the path. */
  name: string;
  bytes: number;
  sha256: string;
}

export interface FullImage {
  input: InputFile;
  /** Microseconds, UTC: the date of the image, when its name or the system says one; absent: "now". */
  date?: number;
  /** In the order read. */
  entries: ImportedEntry[];
  refused: RefusedEntry[];
}

/** One change to one object of the connected system. */
export interface ExportChange {
  /** The engine's id of this change, given back with the result. */
  id: string;
  kind: 'add' | 'update' | 'rename' | 'delete';
  type: string;
  /** Known once confirmed; absent for an add. */
  anchor?: string;
  /** The present DN; for an add the DN to create. */
  dn: string;
  /** rename only, also together with attribute changes. */
  newDn?: string;
  /** add: all attributes. update and rename: the attributes that change, with all their values after; [] empties one. */
  attributes: Attributes;
}

export interface ExportResult {
  id: string;
  /** Absent: carried out. A MIM export error: cd-existing-object, cd-missing-object, schema-violation, … */
  error?: string;
  /** One sentence, without attribute values but DNs. */
  message?: string;
  /** What an add was given by the system. */
  anchor?: string;
}

/**
 * Why a whole import or export could not be done. `code` is a MIM step result (no-start-file-not-found,
 * stopped-parsing-errors, stopped-file-embedded-nulls, no-start-file-access-denied, no-start-header-row-mismatch,
 * stopped-export-write, no-start-file-code-page …); the message names the file, the line and the remedy.
 */
export class ConnectorError extends Error {
  override name = 'ConnectorError';
  readonly code: string;
  readonly retryable: boolean;
  constructor(code: string, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

export interface Connector {
  readonly kind: string;
  readonly canExport: boolean;
  /** Called before the first run of an agent ever: makes what must be there (an LDIF file with its base entries). */
  initialise?(): Promise<void>;
  /** The date of the image that readFullImage would read next, when that is known without reading it. */
  nextImageDate?(after: string | undefined): Promise<number | undefined>;
  /**
   * The next full image to import. `after` is the name of the last image imported; a connector of single files
   * ignores it, one of a drop folder returns the first later one. undefined: nothing new.
   * Throws ConnectorError; reads nothing else and changes nothing.
   */
  readFullImage(after: string | undefined): Promise<FullImage | undefined>;
  /**
   * Carries out the changes in the order given and returns one result for each. All changes that succeeded are in
   * the system when the promise resolves, or none when it rejects. Doing a change again that was done already
   * (same add, same delete, same values) succeeds.
   */
  export?(changes: readonly ExportChange[]): Promise<ExportResult[]>;
}
