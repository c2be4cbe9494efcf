/**
 * What each interaction and operation needs: a permission on the type, or something to manage. What is not in these
 * tables is refused.
 */
import type { Managed, Permission } from './scopes.ts';

/** http://hl7.org/fhir/restful-interaction, and the two kinds of Bundle. */
export const interactionNeeds = {
  create: 'c',
  read: 'r',
  vread: 'r',
  'history-instance': 'r',
  update: 'u',
  patch: 'u',
  delete: 'd',
  'search-type': 's',
  'search-system': 's',
  'history-type': 's',
  'history-system': 's',
  // Each entry is decided by itself.
  batch: '',
  transaction: '',
  // Open to everyone.
  capabilities: '',
} as const satisfies Record<string, Permission | ''>;

export type Interaction = keyof typeof interactionNeeds | 'operation';

/** A permission on the type that the operation is called on, or something that the caller must be allowed to manage. */
export type Need = Permission | { readonly manage: Managed };

/** All that an operation needs. SMART leaves operations to the server. */
export const operationNeeds: ReadonlyMap<string, readonly Need[]> = new Map<string, readonly Need[]>([
  // Nothing is stored or shown but what the caller sent; instance-level validation reads.
  ['$validate', ['r']],
  ['$meta', ['r']],
  // Their answer shows every label that the resource has.
  ['$meta-add', ['r', 'u']],
  ['$meta-delete', ['r', 'u']],
  // The types in the result are decided one by one.
  ['$everything', ['r']],
  // The types in the result are decided one by one, and what is in them by conditions.
  ['$export', ['r', 's']],
  // Decide by themselves: who asked for the export, as long as he may still see what is in it.
  ['$export-status', []],
  ['$export-file', []],
  // Of all types: what is imported may be of any.
  ['$import', ['c', 'u']],
  ['$import-status', []],
  ['$import-errors', []],
  ['$lastn', ['s']],
  ['$stats', ['s']],
  ['$graphql', ['r', 's']],
  // On AuditEvent. $verify decides further: the scopes must have no conditions.
  ['$verify', ['r', 's']],
  ['$proof', ['r']],
  // $breach-report decides further: the scopes must have no conditions.
  ['$user-activity-report', ['s']],
  ['$breach-report', ['r', 's']],
  ['$reindex', ['u']],
  ['$reindex-status', ['s']],
  // Decide by themselves: who has a role that may; who manages users, or is the patient.
  ['$break-glass', []],
  ['$break-glass-close', []],
  ['$consent-explain', []],
  ['$user-list', [{ manage: 'users' }]],
  ['$user-add', [{ manage: 'users' }]],
  ['$user-set', [{ manage: 'users' }]],
  ['$user-disable', [{ manage: 'users' }]],
  ['$user-enable', [{ manage: 'users' }]],
  ['$user-reset', [{ manage: 'users' }]],
  ['$role-list', [{ manage: 'roles' }]],
  ['$role-set', [{ manage: 'roles' }]],
  ['$role-delete', [{ manage: 'roles' }]],
  // What sends the log elsewhere demands further that the caller may read all of it.
  ['$audit-feed-list', [{ manage: 'settings' }]],
  ['$audit-feed-set', [{ manage: 'settings' }]],
  ['$audit-feed-delete', [{ manage: 'settings' }]],
  ['$departure-status', [{ manage: 'settings' }]],
  ['$departure-announce', [{ manage: 'settings' }]],
  ['$departure-cancel', [{ manage: 'settings' }]],
  ['$departure-package', [{ manage: 'settings' }]],
  // Decides by itself: who manages users, or who may search every AuditEvent.
  ['$access-review', []],
  // Decides by itself: on a Patient, and needs AuditEvent.s.
  ['$access-report', []],
  ['$client-list', [{ manage: 'clients' }]],
  ['$client-add', [{ manage: 'clients' }]],
  ['$client-revoke', [{ manage: 'clients' }]],
  ['$client-rotate-secret', [{ manage: 'clients' }]],
  ['$launch-context', [{ manage: 'launches' }]],
  ['$usage', [{ manage: 'usage' }]],
  ['$restrict', [{ manage: 'privacy' }]],
  ['$unrestrict', [{ manage: 'privacy' }]],
  ['$restricted', [{ manage: 'privacy' }]],
  ['$erase', [{ manage: 'privacy' }]],
  ['$processing-record', [{ manage: 'privacy' }]],
  ['$sub-processor-set', [{ manage: 'privacy' }]],
  ['$sub-processor-object', [{ manage: 'privacy' }]],
  ['$sub-processor-end', [{ manage: 'privacy' }]],
  // Nothing is read by who asks: what leaves has no patients in it.
  ['$export-deidentified', [{ manage: 'research' }]],
  ['$research-project-add', [{ manage: 'privacy' }]],
  ['$research-project-end', [{ manage: 'privacy' }]],
  ['$research-projects', [{ manage: 'privacy' }]],
  ['$retention-rules', [{ manage: 'privacy' }]],
  ['$retention-rule-set', [{ manage: 'privacy' }]],
  ['$retention-run', [{ manage: 'privacy' }]],
  ['$retention-runs', [{ manage: 'privacy' }]],
  ['$legal-hold', [{ manage: 'privacy' }]],
  ['$legal-hold-lift', [{ manage: 'privacy' }]],
  ['$legal-holds', [{ manage: 'privacy' }]],
  // Decides by itself: who manages privacy, or a patient about himself.
  ['$data-subject-request', []],
  ['$data-subject-step', [{ manage: 'privacy' }]],
  // On Patient.
  ['$match', ['s']],
  ['$merge', ['u']],
  ['$unmerge', ['u']],
  // On ServiceRequest. What follows from the laboratory's steps in other resources is the server's own doing
  // (operations/laboratory/server-rights.ts).
  ['$order', ['c']],
  ['$add-on', ['c']],
  // On Specimen.
  ['$accession', ['c']],
  ['$pool', ['c', 'u']],
  ['$aliquot', ['c', 'u']],
  ['$label', ['r']],
  ['$collect', ['u']],
  ['$receive', ['u']],
  ['$store', ['u']],
  ['$retrieve', ['u']],
  ['$ship', ['u']],
  ['$return', ['u']],
  ['$reject', ['u']],
  ['$dispose', ['u']],
  // On ServiceRequest or Specimen.
  ['$cancel', ['u']],
  // On Observation, or on DiagnosticReport. Those that only who may release results may take decide further.
  ['$enter-results', ['c', 'u']],
  ['$enter-culture', ['c', 'u']],
  ['$review', ['u']],
  ['$approve', ['u']],
  ['$cancel-result', ['u']],
  ['$correct', ['u']],
  ['$attach', ['u']],
  ['$withdraw', ['u']],
  ['$call-back', ['u']],
  ['$release', ['u']],
  ['$control-run', ['c']],
  ['$analyzer-change', ['c']],
  ['$control-release', ['u']],
  ['$levey-jennings', ['s']],
  // It decides further: who may see all that it counts.
  ['$laboratory-statistics', ['s']],
  // On DiagnosticReport. It decides further: who may read all that the report tells.
  ['$report', ['r']],
  ['$document', ['r']],
  // Open to everybody who holds the code of a document.
  ['$check-report', []],
  // On Endpoint. $explain-message decides further: who may read all that a message became.
  ['$explain-message', ['r']],
  ['$interface-status', ['r']],
]);
