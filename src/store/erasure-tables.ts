/**
 * What an erasure does to each table of a laboratory. A table that holds anything of patients must be named here: a test
 * compares with the database, so that none is forgotten (test/erasure/tables.test.ts).
 *
 * Rows go by what ties them to the patient: `rid`, our number of an erased resource in the column named (`held`: of what it
 * contained too); `text`, columns that name him; `account`, the account of somebody who was an erased resource. Several
 * may hold. `deed` is a statement of store/erasure.ts.
 */

export type Fate =
  | { readonly stays: string }
  | { readonly deed: string }
  | {
      readonly rid?: string;
      readonly held?: true;
      readonly text?: readonly string[];
      readonly account?: string;
    };

const index: Fate = { rid: 'rid', held: true };

export const fates: Readonly<Record<string, Fate>> = {
  tenant: { stays: 'The laboratory and its settings.' },
  resource: { deed: 'erase_resources: by tombstones; the database lets the application delete it in no other way.' },
  resource_version: { deed: 'erase_resources' },
  search_token: index,
  search_reference: index,
  search_string: index,
  search_date: index,
  search_quantity: index,
  search_stale: { rid: 'rid' },
  contained: { rid: 'container' },
  consent_rule: { rid: 'consent' },
  binary_file: { rid: 'rid' },
  report_document: { rid: 'rid' },
  search_state: { stays: 'Counters.' },
  accession_counter: { stays: 'Counters.' },
  search_indexed: { stays: 'Names of search parameters.' },
  job: { text: ['input', 'cursor', 'error'] },
  bulk_export: { text: ['request'] },
  bulk_import: { text: ['request'] },
  bulk_import_line: { text: ['outcome'] },
  bulk_import_batch: { stays: 'Numbers, until the import has ended.' },
  bulk_import_id: { text: ['given', 'fhir_id'] },
  bulk_file: { stays: 'Numbers; what an erasure overtakes is not given out any more and deleted (store/exports.ts).' },
  signing_key: { stays: 'Keys of the laboratory.' },
  tenant_key: { stays: 'Keys of the laboratory.' },
  client: { stays: 'Applications; no patient is one.' },
  openid_state: { text: ['payload', 'context'], account: 'account_id' },
  launch: { text: ['context'] },
  app_state: { text: ['subject', 'content'] },
  account: { deed: 'erase_accounts: emptied of what it says of the person; its id stays, as the audit log names it.' },
  account_role: { account: 'account_id' },
  role: { stays: 'What people of the laboratory may do.' },
  account_factor: { account: 'account_id' },
  account_recovery: { account: 'account_id' },
  account_ticket: { account: 'account_id' },
  account_challenge: { account: 'account_id' },
  sign_in_attempt: { stays: 'Hashes of names and addresses, swept after a while; they tell no name.' },
  break_glass: { deed: 'erase_overrides: their reasons tell an emergency of the patient.' },
  message: { deed: 'erase_messages: emptied where they were about the patient; that there was one stays.' },
  interface_refusal: { stays: 'Counts, rules that frames broke, addresses of analyzers.' },
  interface_state: { stays: 'A count.' },
  outbound_rule: { stays: 'What interfaces ask for.' },
  outbound_change: { rid: 'rid' },
  outbound_queue: { stays: 'How queues stand, and keys of the laboratory.' },
  usage: { stays: 'Counts.' },
  usage_person: { stays: 'Digests of account ids, for counting.' },
  storage_use: { stays: 'A count.' },
  audit_agent: { stays: 'The audit log has ids only, and is not changed: who did what stays answerable.' },
  audit_event: { stays: 'The audit log.' },
  audit_patient: { stays: 'The audit log.' },
  audit_seal: { stays: 'The audit log.' },
  audit_publication: { stays: 'How far seals were sent.' },
  audit_received: { stays: 'Digests.' },
  audit_feed: { stays: 'Where the log goes.' },
  restriction: { deed: 'forgetRestrictions: the reasons are about the person; what is kept gets a new one.' },
  erasure: { stays: 'The tombstone: ids and the rule; a reason that names the patient is refused.' },
  erased: { stays: 'The tombstone: ids.' },
  erased_version: { stays: 'The tombstone: numbers.' },
  sub_processor: { stays: 'Companies; none is a patient.' },
  research_project: { stays: 'Projects; pseudonyms are nowhere kept.' },
  retention_rule: { stays: 'How long what is kept.' },
  legal_hold: {
    stays: 'A patient on hold is not erased; of one that ended the id and the reason stay, as of an erasure.',
  },
  retention_state: { stays: 'Counters.' },
  retention_run: { stays: 'Counts.' },
  audit_removal: { stays: 'What went of the audit log: counts and hashes.' },
  evidence: { stays: 'Ids of files and when they go; the files go with what they have their security from.' },
  erased_file: { stays: 'What a job has still to delete; it empties it.' },
};
