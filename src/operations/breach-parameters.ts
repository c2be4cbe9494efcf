/** A report on a breach as Parameters, and as the data of its page and its notice. */
import { kindOf, kinds } from '../audit/kinds.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Call } from '../interactions/call.ts';
import type { BreachData } from '../pages/breach-report.ts';
import { noticeText } from '../pages/breach-notice.ts';
import { languages } from '../pages/texts/language.ts';
import type { Context } from '../request.ts';
import type { Category } from '../store/breach-report.ts';
import type { BreachReport } from './breach-report.ts';
import { reportHead } from './report-search.ts';

const hour = 3_600_000;

/** GDPR, Article 33(1). */
const hours = 72;

export function breachData(context: Context, report: BreachReport): BreachData {
  const { aware, now, breach } = report;
  const due = aware + hours * hour;
  return {
    head: reportHead(context, report),
    criteria: report.criteria,
    aware: new Date(aware).toISOString(),
    due: new Date(due).toISOString(),
    minutesLeft: Math.floor((due - now) / 60_000),
    events: breach.events.reduce((sum, { count }) => sum + count, 0),
    refused: breach.events.reduce((sum, { refused }) => sum + refused, 0),
    first: breach.first,
    last: breach.last,
    persons: breach.persons,
    records: breach.categories.reduce((sum, { records }) => sum + records, 0),
    categories: breach.categories,
    kinds: breach.events.map(({ kind, ...times }) => ({ event: kindOf(kind), ...times })),
    officers: report.officers,
  };
}

export function breachParameters(context: Context, call: Call, report: BreachReport): JsonObject {
  const data = breachData(context, report);
  const instant = (name: string, value: string | undefined): JsonObject[] =>
    value === undefined ? [] : [{ name, valueInstant: value }];
  const number = (name: string, valueUnsignedInt: number): JsonObject => ({ name, valueUnsignedInt });
  return {
    resourceType: 'Parameters',
    parameter: [
      ...data.criteria.map(([name, value]) => ({
        name: 'criterion',
        part: [
          { name: 'name', valueCode: name },
          { name: 'value', valueString: value },
        ],
      })),
      ...instant('start', data.head.from),
      ...instant('end', data.head.to),
      ...instant('generated', data.head.made),
      ...instant('aware', data.aware),
      ...instant('due', data.due),
      { name: 'remaining', valueDuration: duration(data.minutesLeft) },
      { name: 'overdue', valueBoolean: data.minutesLeft < 0 },
      number('events', data.events),
      number('refused', data.refused),
      ...instant('first', data.first),
      ...instant('last', data.last),
      number('persons', data.persons),
      number('records', data.records),
      ...data.kinds.map(({ event, count, refused, first, last }) => ({
        name: 'event',
        part: [
          { name: 'event', valueCode: event },
          { name: 'action', valueCode: kinds[event as keyof typeof kinds].action },
          number('count', count),
          number('refused', refused),
          ...instant('first', first),
          ...instant('last', last),
        ],
      })),
      ...data.categories.map((one) => ({ name: 'category', part: categoryParts(one) })),
      ...languages.map((texts) => ({
        name: 'notice',
        part: [
          { name: 'language', valueCode: texts.language },
          { name: 'text', valueString: noticeText(texts, data) },
        ],
      })),
      { name: 'list', valueUri: listAddress(context, call, report) },
    ],
  };
}

function duration(minutes: number): JsonObject {
  return { value: Math.round(minutes / 6) / 10, unit: 'h', system: 'http://unitsofmeasure.org', code: 'h' };
}

function categoryParts({ type, label, records, persons }: Category): JsonObject[] {
  return [
    { name: 'type', valueCode: type },
    ...(label === '' ? [] : [{ name: 'label', valueString: label }]),
    { name: 'records', valueUnsignedInt: records },
    { name: 'persons', valueUnsignedInt: persons },
  ];
}

/** The same question up to the same moment, as a list. */
function listAddress({ base }: Context, call: Call, { criteria, period }: BreachReport): string {
  const pairs: [string, string][] = criteria.map(([name, value]) => [name, value]);
  if (period.start !== undefined) pairs.push(['start', period.start]);
  pairs.push(['end', period.end ?? new Date(period.before - 1).toISOString()], ['_format', 'application/fhir+ndjson']);
  return `${base}/AuditEvent/${call.target.operation}?${new URLSearchParams(pairs).toString()}`;
}
