/**
 * The index rows of a resource: what `extract` makes, the write statement stores and searches read.
 *
 * The columns here and the tables of migrations/0002-search.sql are the same; the migration explains them.
 */

export interface IndexColumn {
  readonly name: string;
  /** PostgreSQL type. */
  readonly type: string;
}

export interface IndexTable {
  readonly name: string;
  /** Besides tenant_id and rid. */
  readonly columns: readonly IndexColumn[];
}

export interface OwnRows {
  /** Values for `resourceColumns`, in their order. */
  readonly columns: readonly unknown[];
  /** Rows by table name; the values of a row in the order of the table's columns. */
  readonly tables: Readonly<Record<string, readonly unknown[][]>>;
}

export interface IndexRows extends OwnRows {
  /** Those of the resources that it contains; absent where it contains none. */
  readonly contained?: readonly ContainedRows[];
}

export interface ContainedRows extends OwnRows {
  /** The number of its type, and its id within the container. */
  readonly type: number;
  readonly id: string;
  /** Params of the container's references to it. */
  readonly linked: readonly number[];
}

/** Columns of the table `resource` that serve search. All null where the resource is deleted. */
export const resourceColumns: readonly IndexColumn[] = [
  { name: 'patient', type: 'text' },
  { name: 'status', type: 'text' },
  { name: 'date_low', type: 'int8' },
  { name: 'date_high', type: 'int8' },
];

const place: readonly IndexColumn[] = [
  { name: 'param', type: 'int4' },
  { name: 'rep', type: 'int2' },
];

export const tokenTable: IndexTable = {
  name: 'search_token',
  columns: [
    ...place,
    { name: 'key', type: 'int8' },
    { name: 'system', type: 'int8' },
    { name: 'value', type: 'text' },
    { name: 'date', type: 'int8' },
  ],
};

export const referenceTable: IndexTable = {
  name: 'search_reference',
  columns: [
    ...place,
    { name: 'type', type: 'int2' },
    { name: 'id', type: 'text' },
    { name: 'version', type: 'text' },
    { name: 'date', type: 'int8' },
  ],
};

export const stringTable: IndexTable = {
  name: 'search_string',
  columns: [...place, { name: 'value', type: 'text' }, { name: 'rest', type: 'text' }, { name: 'raw', type: 'text' }],
};

export const dateTable: IndexTable = {
  name: 'search_date',
  columns: [...place, { name: 'low', type: 'int8' }, { name: 'high', type: 'int8' }],
};

export const quantityTable: IndexTable = {
  name: 'search_quantity',
  columns: [
    ...place,
    { name: 'unit', type: 'int8' },
    { name: 'low', type: 'float8' },
    { name: 'high', type: 'float8' },
    { name: 'exact_low', type: 'numeric' },
    { name: 'exact_high', type: 'numeric' },
    { name: 'raw_low', type: 'numeric' },
    { name: 'raw_high', type: 'numeric' },
    { name: 'code', type: 'text' },
    { name: 'label', type: 'text' },
  ],
};

export const indexTables: readonly IndexTable[] = [tokenTable, referenceTable, stringTable, dateTable, quantityTable];
