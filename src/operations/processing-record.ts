/**
 * $processing-record: the laboratory's record of processing activities (GDPR Art. 30) and the beginning of an assessment of
 * impact (Art. 35(7)), from what the server holds and how it is set up at this moment. For the data protection officer
 * (manage/privacy).
 *
 *   GET [base]/$processing-record          Parameters
 *   GET … Accept: text/html                a page to print; _language=ar|fr|en, else Accept-Language
 *
 * A measure is `on` where it was seen to be; what the server cannot see is `unknown`. Legal bases, and whether processing is
 * necessary, are for the laboratory to say: the page leaves room for it.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { Call } from '../interactions/call.ts';
import { processingPage } from '../pages/processing-record.ts';
import type { Measure } from '../processing/measures.ts';
import type { Activity } from '../processing/purposes.ts';
import { processingRecord, type KeptRule, type ProcessingRecord, type Recipient } from '../processing/record.ts';
import type { Answer, Context } from '../request.ts';
import { operationInput } from './parameters.ts';
import { htmlAnswer, reportForm, reportTexts } from './report-form.ts';
import { subProcessorPart } from './sub-processors.ts';

export async function processingRecordOperation(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['_language']);
  const form = reportForm(call, ['html']);
  const texts = reportTexts(input, call);
  const { session, tenant, server } = context;
  const record = await processingRecord({ session, tenant, config: server.config, now: Date.now() });
  if (form === 'fhir') return { status: 200, resource: parametersOf(record) };
  return htmlAnswer(processingPage(texts, record, tenant.settings.timezone ?? 'UTC'), texts);
}

function parametersOf(record: ProcessingRecord): JsonObject {
  const { laboratory, made, controller, officer, residency, scale } = record;
  const text = (name: string, value: string | undefined): JsonObject[] =>
    value === undefined ? [] : [{ name, valueString: value }];
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'laboratory', valueString: laboratory.title },
      { name: 'made', valueInstant: made },
      ...text('controller', controller),
      ...text('dataProtectionOfficer', officer),
      ...residency.map((code) => ({ name: 'residency', valueCode: code })),
      ...record.activities.map(activityPart),
      ...record.recipients.map(recipientPart),
      ...record.subProcessors.map(subProcessorPart),
      ...record.transfers.map(({ name, country, safeguard }) => ({
        name: 'transfer',
        part: [
          { name: 'name', valueString: name },
          { name: 'country', valueCode: country },
          ...text('safeguard', safeguard),
        ],
      })),
      ...record.rules.map(rulePart),
      ...record.measures.map((measure) => measurePart('measure', measure)),
      {
        name: 'impact',
        part: [
          ...Object.entries(scale).map(([name, count]) => ({ name, valueDecimal: count })),
          ...record.risks.map((measure) => measurePart('risk', measure)),
        ],
      },
    ],
  };
}

function activityPart({ purpose, subjects, held }: Activity): JsonObject {
  return {
    name: 'activity',
    part: [
      { name: 'purpose', valueCode: purpose },
      ...subjects.map((code) => ({ name: 'subjects', valueCode: code })),
      ...held.map(({ type, count }) => ({
        name: 'data',
        part: [
          { name: 'type', valueCode: type },
          { name: 'count', valueDecimal: count },
        ],
      })),
    ],
  };
}

function recipientPart({ kind, id, name, scope, since, dynamic }: Recipient): JsonObject {
  return {
    name: 'recipient',
    part: [
      { name: 'kind', valueCode: kind },
      { name: 'id', valueString: id },
      { name: 'name', valueString: name },
      { name: 'scope', valueString: scope },
      ...(since === undefined ? [] : [{ name: 'since', valueDateTime: since }]),
      { name: 'dynamic', valueBoolean: dynamic },
    ],
  };
}

function rulePart({ category, title, period, basis, removes }: KeptRule): JsonObject {
  return {
    name: 'retention',
    part: [
      { name: 'category', valueCode: category },
      { name: 'title', valueString: title },
      { name: 'period', valueString: period ?? 'none' },
      { name: 'basis', valueString: basis },
      { name: 'removes', valueBoolean: removes },
    ],
  };
}

function measurePart(name: string, { name: measure, state, detail }: Measure): JsonObject {
  return {
    name,
    part: [
      { name: 'name', valueCode: measure },
      { name: 'state', valueCode: state },
      ...(detail === undefined ? [] : [{ name: 'detail', valueString: detail }]),
    ],
  };
}
