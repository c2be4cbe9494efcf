/**
 * The table of operations. What a caller's scopes must allow for each is in access/scopes.ts (`operationNeeds`);
 * a test compares the two. https://hl7.org/fhir/R4/operationslist.html
 */
import type { KindName } from '../audit/kinds.ts';
import type { Call, Handler } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { accessReport } from './access-report.ts';
import { feedDelete, feedList, feedSet } from './audit-feed.ts';
import { auditProof } from './audit-proof.ts';
import { auditVerify } from './audit-verify.ts';
import { breachReport } from './breach-report.ts';
import { breakGlass, closeBreakGlass } from './break-glass.ts';
import { clientAdd, clientList, clientRevoke, clientRotateSecret } from './clients.ts';
import { consentExplain } from './consent-explain.ts';
import { dataSubjectRequest } from './data-subject-request.ts';
import { dataSubjectStep } from './data-subject-step.ts';
import { erase } from './erase.ts';
import { departureAnnounce, departureCancel, departureStatus } from './departure.ts';
import { departurePackage } from './departure-package.ts';
import { everything } from './everything.ts';
import { explainMessage } from './explain-message.ts';
import { bulkExport } from './export.ts';
import { deidentifiedExport } from './export-deidentified.ts';
import { exportFile } from './export-file.ts';
import { exportStatus } from './export-status.ts';
import { bulkImport } from './import.ts';
import { interfaceStatus } from './interface-status.ts';
import { importErrors, importStatus } from './import-status.ts';
import { graphql } from './graphql.ts';
import { lastn } from './lastn.ts';
import { launchContext } from './launch-context.ts';
import { meta } from './meta.ts';
import { metaAdd, metaDelete } from './meta-change.ts';
import { stats } from './stats.ts';
import { restrict, restricted, unrestrict } from './restrict.ts';
import { reindex, reindexStatus } from './reindex.ts';
import { usage } from './usage.ts';
import { userActivityReport } from './user-activity-report.ts';
import { accessReviewOperation } from './access-review.ts';
import { legalHold, legalHoldLift, legalHolds } from './legal-hold.ts';
import { processingRecordOperation } from './processing-record.ts';
import { subProcessorEnd, subProcessorObject, subProcessorSet } from './sub-processors.ts';
import { researchProjectAdd, researchProjectEnd, researchProjects } from './research-projects.ts';
import { retentionRuleSet, retentionRules } from './retention-rules.ts';
import { retentionRun, retentionRuns } from './retention-run.ts';
import { roleDelete, roleList, roleSet } from './roles.ts';
import { userAdd, userDisable, userEnable, userList, userReset, userSet } from './users.ts';
import { validate } from './validate.ts';
import { accession } from './laboratory/accession.ts';
import { addOn } from './laboratory/add-on.ts';
import { cancelOrder } from './laboratory/cancel-order.ts';
import { aliquot, pool } from './laboratory/divide.ts';
import { label } from './laboratory/label.ts';
import { match } from './laboratory/match.ts';
import { merge, unmerge } from './laboratory/merge.ts';
import { order } from './laboratory/order.ts';
import { reject } from './laboratory/reject.ts';
import { specimenStep } from './laboratory/specimen-step.ts';
import { analyzerChange } from './laboratory/quality/analyzer-change.ts';
import { controlRelease } from './laboratory/quality/control-release.ts';
import { controlRun } from './laboratory/quality/control-run.ts';
import { laboratoryStatistics } from './laboratory/statistics.ts';
import { leveyJennings } from './laboratory/quality/levey-jennings.ts';
import { checkReport } from './laboratory/reports/check.ts';
import { document } from './laboratory/reports/document.ts';
import { report } from './laboratory/reports/report.ts';
import { callBack } from './laboratory/results/call-back.ts';
import { attach } from './laboratory/results/attach.ts';
import { correct } from './laboratory/results/correct.ts';
import { enterCulture } from './laboratory/microbiology/enter-culture.ts';
import { enterResults } from './laboratory/results/enter.ts';
import { release } from './laboratory/results/release.ts';
import { reviewStep } from './laboratory/results/review.ts';
import { withdraw } from './laboratory/results/withdraw.ts';

export interface Operation {
  readonly levels: readonly ('system' | 'type' | 'instance')[];
  /** Resource types that have it; undefined = all. */
  readonly types?: readonly string[];
  /** Changes resources: by POST only. */
  readonly changes: boolean;
  /** What it tells of can be deleted there. */
  readonly deletes?: true;
  /** Canonical URL of its OperationDefinition. */
  readonly definition: string;
  readonly handler: Handler;
  /** What its event is called, where that has a name of its own. */
  readonly event?: KindName;
}

const base = 'http://hl7.org/fhir/OperationDefinition';

const bulk = 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition';

const own = 'urn:makhbar:operation-definition';

/** On the system, and of ours. */
function administrative(name: string, changes: boolean, handler: Handler, event?: KindName): Operation {
  return { levels: ['system'], changes, definition: `${own}:${name}`, handler, ...(event && { event }) };
}

/** On one patient, changing something, and of ours. */
function ofPatient(name: string, handler: Handler, event: KindName): Operation {
  return { levels: ['instance'], types: ['Patient'], changes: true, definition: `${own}:${name}`, handler, event };
}

/** A step of the laboratory's day. */
function ofLaboratory(
  name: string,
  levels: Operation['levels'],
  types: readonly string[],
  handler: Handler,
): Operation {
  return { levels, types, changes: true, definition: `${own}:${name}`, handler };
}

const cancelSpecimen = specimenStep('cancel');

function cancel(context: Context, call: Call): Promise<Answer> {
  return call.target.type === 'Specimen' ? cancelSpecimen(context, call) : cancelOrder(context, call);
}

/** By name, `$` included. */
export const operations: Readonly<Record<string, Operation>> = {
  $validate: {
    levels: ['type', 'instance'],
    changes: false,
    definition: `${base}/Resource-validate`,
    handler: validate,
  },
  $meta: { levels: ['system', 'type', 'instance'], changes: false, definition: `${base}/Resource-meta`, handler: meta },
  '$meta-add': { levels: ['instance'], changes: true, definition: `${base}/Resource-meta-add`, handler: metaAdd },
  '$meta-delete': {
    levels: ['instance'],
    changes: true,
    definition: `${base}/Resource-meta-delete`,
    handler: metaDelete,
  },
  $everything: {
    levels: ['instance'],
    types: ['Patient', 'Encounter'],
    changes: false,
    definition: `${base}/Patient-everything`,
    handler: everything,
  },
  $export: {
    levels: ['system', 'type', 'instance'],
    types: ['Patient', 'Group'],
    changes: false,
    definition: `${bulk}/export`,
    handler: bulkExport,
    event: 'export-requested',
  },
  '$export-status': {
    levels: ['system'],
    changes: false,
    deletes: true,
    definition: `${own}:export-status`,
    handler: exportStatus,
  },
  '$export-file': {
    levels: ['system'],
    changes: false,
    definition: `${own}:export-file`,
    handler: exportFile,
    event: 'export-read',
  },
  $import: {
    levels: ['system'],
    changes: true,
    definition: `${own}:import`,
    handler: bulkImport,
    event: 'import-requested',
  },
  '$import-status': {
    levels: ['system'],
    changes: false,
    deletes: true,
    definition: `${own}:import-status`,
    handler: importStatus,
  },
  '$import-errors': {
    levels: ['system'],
    changes: false,
    definition: `${own}:import-errors`,
    handler: importErrors,
  },
  $graphql: {
    levels: ['system', 'type', 'instance'],
    changes: false,
    definition: `${base}/Resource-graphql`,
    handler: graphql,
  },
  $lastn: {
    levels: ['type'],
    types: ['Observation'],
    changes: false,
    definition: `${base}/Observation-lastn`,
    handler: lastn,
  },
  '$break-glass': {
    levels: ['instance'],
    types: ['Patient'],
    changes: true,
    definition: 'urn:makhbar:operation-definition:break-glass',
    handler: breakGlass,
    event: 'emergency-override-started',
  },
  '$break-glass-close': {
    levels: ['instance'],
    types: ['Patient'],
    changes: true,
    definition: 'urn:makhbar:operation-definition:break-glass-close',
    handler: closeBreakGlass,
    event: 'emergency-override-stopped',
  },
  '$consent-explain': {
    levels: ['instance'],
    types: ['Patient'],
    changes: false,
    definition: 'urn:makhbar:operation-definition:consent-explain',
    handler: consentExplain,
  },
  $verify: {
    levels: ['type'],
    types: ['AuditEvent'],
    changes: false,
    definition: `${own}:audit-verify`,
    handler: auditVerify,
    event: 'audit-verified',
  },
  $proof: {
    levels: ['instance'],
    types: ['AuditEvent'],
    changes: false,
    definition: `${own}:audit-proof`,
    handler: auditProof,
  },
  '$access-report': {
    levels: ['instance'],
    types: ['Patient'],
    changes: false,
    definition: `${own}:access-report`,
    handler: accessReport,
  },
  '$user-activity-report': {
    levels: ['type'],
    types: ['AuditEvent'],
    changes: false,
    definition: `${own}:user-activity-report`,
    handler: userActivityReport,
  },
  '$breach-report': {
    levels: ['type'],
    types: ['AuditEvent'],
    changes: false,
    definition: `${own}:breach-report`,
    handler: breachReport,
  },
  $reindex: {
    levels: ['system'],
    changes: true,
    definition: 'urn:makhbar:operation-definition:reindex',
    handler: reindex,
  },
  '$reindex-status': {
    levels: ['system'],
    changes: false,
    definition: 'urn:makhbar:operation-definition:reindex-status',
    handler: reindexStatus,
  },
  $usage: {
    levels: ['system'],
    changes: false,
    definition: 'urn:makhbar:operation-definition:usage',
    handler: usage,
  },
  $stats: {
    levels: ['type'],
    types: ['Observation'],
    changes: false,
    definition: `${base}/Observation-stats`,
    handler: stats,
  },
  '$user-list': administrative('user-list', false, userList),
  '$user-add': administrative('user-add', true, userAdd, 'user-changed'),
  '$user-set': administrative('user-set', true, userSet, 'user-changed'),
  '$user-disable': administrative('user-disable', true, userDisable, 'user-changed'),
  '$user-enable': administrative('user-enable', true, userEnable, 'user-changed'),
  '$user-reset': administrative('user-reset', true, userReset, 'user-changed'),
  '$role-list': administrative('role-list', false, roleList),
  '$role-set': administrative('role-set', true, roleSet, 'role-changed'),
  '$role-delete': administrative('role-delete', true, roleDelete, 'role-changed'),
  '$client-list': administrative('client-list', false, clientList),
  '$client-add': administrative('client-add', true, clientAdd, 'client-changed'),
  '$client-revoke': administrative('client-revoke', true, clientRevoke, 'client-changed'),
  '$client-rotate-secret': administrative('client-rotate-secret', true, clientRotateSecret, 'client-changed'),
  '$audit-feed-list': administrative('audit-feed-list', false, feedList),
  '$audit-feed-set': administrative('audit-feed-set', true, feedSet, 'settings-changed'),
  '$audit-feed-delete': administrative('audit-feed-delete', true, feedDelete, 'settings-changed'),
  '$departure-status': administrative('departure-status', false, departureStatus),
  '$departure-announce': administrative('departure-announce', true, departureAnnounce, 'settings-changed'),
  '$departure-cancel': administrative('departure-cancel', true, departureCancel, 'settings-changed'),
  '$departure-package': administrative('departure-package', false, departurePackage, 'package-written'),
  '$launch-context': administrative('launch-context', true, launchContext),
  $restrict: ofPatient('restrict', restrict, 'processing-restricted'),
  $unrestrict: ofPatient('unrestrict', unrestrict, 'restriction-lifted'),
  $restricted: {
    levels: ['type'],
    types: ['Patient'],
    changes: false,
    definition: `${own}:restricted`,
    handler: restricted,
  },
  $erase: ofPatient('erase', erase, 'patient-erased'),
  '$processing-record': administrative('processing-record', false, processingRecordOperation),
  '$sub-processor-set': administrative('sub-processor-set', true, subProcessorSet, 'sub-processor-changed'),
  '$sub-processor-object': administrative('sub-processor-object', true, subProcessorObject, 'sub-processor-changed'),
  '$sub-processor-end': administrative('sub-processor-end', true, subProcessorEnd, 'sub-processor-changed'),
  '$export-deidentified': administrative(
    'export-deidentified',
    false,
    deidentifiedExport,
    'deidentified-export-requested',
  ),
  '$research-project-add': administrative('research-project-add', true, researchProjectAdd, 'research-project-changed'),
  '$research-project-end': administrative('research-project-end', true, researchProjectEnd, 'research-project-changed'),
  '$research-projects': administrative('research-projects', false, researchProjects),
  '$retention-rules': administrative('retention-rules', false, retentionRules),
  '$retention-rule-set': administrative('retention-rule-set', true, retentionRuleSet, 'retention-rule-changed'),
  '$retention-run': administrative('retention-run', true, retentionRun, 'retention-announced'),
  '$retention-runs': administrative('retention-runs', false, retentionRuns),
  '$legal-hold': administrative('legal-hold', true, legalHold, 'legal-hold-changed'),
  '$legal-hold-lift': administrative('legal-hold-lift', true, legalHoldLift, 'legal-hold-changed'),
  '$legal-holds': administrative('legal-holds', false, legalHolds),
  '$data-subject-request': administrative('data-subject-request', true, dataSubjectRequest, 'data-subject-request'),
  '$data-subject-step': {
    levels: ['instance'],
    types: ['Task'],
    changes: true,
    definition: `${own}:data-subject-step`,
    handler: dataSubjectStep,
    event: 'data-subject-step',
  },
  '$explain-message': {
    levels: ['instance'],
    types: ['Endpoint'],
    changes: false,
    definition: `${own}:explain-message`,
    handler: explainMessage,
    event: 'message-explained',
  },
  '$interface-status': {
    levels: ['instance'],
    types: ['Endpoint'],
    changes: false,
    definition: `${own}:interface-status`,
    handler: interfaceStatus,
  },
  $match: {
    levels: ['type'],
    types: ['Patient'],
    changes: false,
    definition: `${base}/Patient-match`,
    handler: match,
  },
  $merge: ofLaboratory('merge', ['type'], ['Patient'], merge),
  $unmerge: ofLaboratory('unmerge', ['type'], ['Patient'], unmerge),
  $order: ofLaboratory('order', ['type'], ['ServiceRequest'], order),
  '$add-on': ofLaboratory('add-on', ['type'], ['ServiceRequest'], addOn),
  $accession: ofLaboratory('accession', ['type'], ['Specimen'], accession),
  $pool: ofLaboratory('pool', ['type'], ['Specimen'], pool),
  $aliquot: ofLaboratory('aliquot', ['instance'], ['Specimen'], aliquot),
  $reject: ofLaboratory('reject', ['instance'], ['Specimen'], reject),
  $cancel: ofLaboratory('cancel', ['instance'], ['ServiceRequest', 'Specimen'], cancel),
  ...Object.fromEntries(
    (['collect', 'receive', 'store', 'retrieve', 'ship', 'return', 'dispose'] as const).map((step) => [
      `$${step}`,
      ofLaboratory(step, ['instance'], ['Specimen'], specimenStep(step)),
    ]),
  ),
  $label: {
    levels: ['instance'],
    types: ['Specimen'],
    changes: false,
    definition: `${own}:label`,
    handler: label,
  },
  '$enter-results': ofLaboratory('enter-results', ['type'], ['Observation'], enterResults),
  '$enter-culture': ofLaboratory('enter-culture', ['type'], ['Observation'], enterCulture),
  $review: ofLaboratory('review', ['type'], ['Observation'], reviewStep('review')),
  $approve: ofLaboratory('approve', ['type'], ['Observation'], reviewStep('approve')),
  '$cancel-result': ofLaboratory('cancel-result', ['type'], ['Observation'], reviewStep('cancel')),
  $attach: ofLaboratory('attach', ['instance'], ['Observation'], attach),
  $correct: ofLaboratory('correct', ['instance'], ['Observation'], correct),
  $withdraw: ofLaboratory('withdraw', ['instance'], ['Observation', 'DiagnosticReport'], withdraw),
  '$call-back': ofLaboratory('call-back', ['instance'], ['Observation'], callBack),
  $release: ofLaboratory('release', ['instance'], ['DiagnosticReport'], release),
  '$control-run': ofLaboratory('control-run', ['type'], ['Observation'], controlRun),
  '$analyzer-change': ofLaboratory('analyzer-change', ['type'], ['Observation'], analyzerChange),
  '$control-release': ofLaboratory('control-release', ['type'], ['Observation'], controlRelease),
  '$laboratory-statistics': {
    levels: ['type'],
    types: ['Observation'],
    changes: false,
    definition: `${own}:laboratory-statistics`,
    handler: laboratoryStatistics,
  },
  '$levey-jennings': {
    levels: ['type'],
    types: ['Observation'],
    changes: false,
    definition: `${own}:levey-jennings`,
    handler: leveyJennings,
  },
  $report: {
    levels: ['instance'],
    types: ['DiagnosticReport'],
    changes: false,
    definition: `${own}:report`,
    handler: report,
  },
  $document: {
    levels: ['instance'],
    types: ['DiagnosticReport'],
    changes: false,
    definition: `${own}:document`,
    handler: document,
  },
  '$check-report': {
    levels: ['type'],
    types: ['DiagnosticReport'],
    changes: false,
    definition: `${own}:check-report`,
    handler: checkReport,
  },
  '$access-review': administrative('access-review', false, accessReviewOperation),
};

/** The definition of an operation as a resource type has it. */
export function definitionOf(name: string, operation: Operation, type: string): string {
  if (name === '$export' && type !== '') return `${bulk}/${type.toLowerCase()}-export`;
  return name === '$everything' ? `${base}/${type}-everything` : operation.definition;
}
