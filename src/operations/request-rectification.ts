/**
 * Rectification: the correction itself is made by ordinary updates; here the versions that made it are named and become the
 * evidence, with a Provenance that says for which request (GDPR Art. 16, 19).
 */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { parseStored } from '../interactions/document.ts';
import { newId } from '../interactions/new-id.ts';
import { part } from '../privacy/request-task.ts';
import type { Context } from '../request.ts';
import { readVersion } from '../store/read.ts';
import { ownerNamed } from './request-others.ts';
import type { CarriedOut, Carrying } from './request-carry-out.ts';
import { made } from './request-writing.ts';

const most = 100;

export async function rectification(context: Context, carrying: Carrying): Promise<CarriedOut> {
  const { input, reason, task } = carrying;
  const versions = [...new Set(input.texts('version'))];
  if (versions.length > most) {
    throw outcomeError('too-costly', `A step names ${most} versions at most; take it again for more.`, { status: 400 });
  }
  if (versions.length === 0) {
    if (reason !== undefined) return { outputs: [part('evidence', { valueString: reason })], documents: [] };
    throw outcomeError(
      'required',
      'Name the versions that corrected it (version=Patient/7/_history/3), or the reason why nothing was corrected.',
      { status: 400 },
    );
  }
  for (const version of versions) await checkCorrection(context, carrying, version);
  const id = newId();
  const provenance = provenanceOf(context, versions, `Task/${String(task['id'])}`);
  return {
    outputs: [...versions, `Provenance/${id}`].map((reference) => part('evidence', { valueReference: { reference } })),
    documents: [made(context, provenance, id)],
  };
}

/** @throws OutcomeError where it is no version of this patient's, or one from before the request. */
async function checkCorrection(context: Context, { patient, facts }: Carrying, version: string): Promise<void> {
  const [, type = '', id = '', number = ''] =
    /^([A-Za-z]+)\/([A-Za-z0-9.-]{1,64})\/_history\/([1-9]\d{0,8})$/.exec(version) ?? [];
  const key = { type: typeNumber(type) ?? -1, id, version: Number(number) };
  const stored = key.type < 0 ? undefined : await readVersion(context.session, key);
  const resource = typeof stored?.text === 'string' ? parseStored(stored.text) : undefined;
  // One answer for what is not there and what is another's.
  if (stored === undefined || resource === undefined || ownerNamed(resource) !== patient) {
    throw outcomeError('invalid', `${version.slice(0, 120)} is no version of a record of Patient/${patient}.`, {
      status: 400,
    });
  }
  if (Date.parse(stored.lastUpdated) >= Date.parse(facts.received)) return;
  throw outcomeError('business-rule', `${version} was written before the request came: it cannot be the correction.`);
}

function provenanceOf({ caller }: Context, versions: readonly string[], task: string): JsonObject {
  const { fhirUser, subject } = caller;
  const who =
    fhirUser === undefined
      ? { identifier: { system: 'urn:makhbar:subject', value: subject } }
      : { reference: fhirUser };
  return {
    resourceType: 'Provenance',
    target: versions.map((reference) => ({ reference })),
    recorded: new Date().toISOString(),
    activity: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation', code: 'UPDATE' }] },
    agent: [{ who }],
    entity: [{ role: 'source', what: { reference: task } }],
  };
}
