/** The activity of a user as Parameters (user-activity-report.ts says what stands in them). */
import { kindOf, kinds } from '../audit/kinds.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Times } from '../store/audit-report.ts';
import { text } from './report-parts.ts';
import type { ActivityReport } from './user-activity-report.ts';

export function totalsOf({ activity: { deeds } }: Pick<ActivityReport, 'activity'>): {
  readonly events: number;
  readonly refused: number;
  readonly first: string | undefined;
  readonly last: string | undefined;
  readonly signIns: number;
} {
  const signIns = deeds.filter(({ kind }) => kind === kinds['sign-in'].number);
  return {
    events: deeds.reduce((sum, { count }) => sum + count, 0),
    refused: deeds.reduce((sum, { refused }) => sum + refused, 0),
    first: deeds.map(({ first }) => first).sort()[0],
    last: deeds
      .map(({ last }) => last)
      .sort()
      .at(-1),
    signIns: signIns.reduce((sum, { count }) => sum + count, 0),
  };
}

export function activityParameters(report: ActivityReport, next: string | undefined): JsonObject {
  const { period, activity, agents, patients } = report;
  const { events, refused, first, last, signIns } = totalsOf(report);
  const number = (name: string, valueUnsignedInt: number): JsonObject => ({ name, valueUnsignedInt });
  const instant = (name: string, value: string | undefined): JsonObject[] =>
    value === undefined ? [] : [{ name, valueInstant: value }];
  return {
    resourceType: 'Parameters',
    parameter: [
      ...text('user', report.user),
      ...text('name', report.name),
      ...text('username', report.username),
      ...text('client', report.client),
      ...instant('start', period.from === undefined ? undefined : new Date(period.from).toISOString()),
      ...instant('end', new Date(period.before).toISOString()),
      ...instant('generated', new Date(report.now).toISOString()),
      number('events', events),
      number('refused', refused),
      ...(report.partial ? [{ name: 'partial', valueBoolean: true }] : []),
      ...instant('first', first),
      ...instant('last', last),
      number('sign-ins', signIns),
      ...(report.partial ? [] : [number('failed-sign-ins', report.failedSignIns?.count ?? 0)]),
      number('patients', patients.total),
      ...activity.deeds.map(({ day, ...deed }) => ({
        name: 'day',
        part: [
          { name: 'date', valueDate: day },
          ...deedParts(deed),
          number('count', deed.count),
          number('refused', deed.refused),
        ],
      })),
      ...activity.refusals.map((one) => ({
        name: 'refusal',
        part: [
          ...deedParts(one),
          ...text('reason', one.reason),
          ...timesParts(one).slice(0, 3),
          ...(one.more === 0 ? [] : [number('more', one.more)]),
        ],
      })),
      ...activity.addresses.map((one) => ({
        name: 'address',
        part: [...text('address', one.address), ...timesParts(one)],
      })),
      ...activity.agents.map((one, i) => ({
        name: 'agent',
        part: [
          ...text('client', one.agent.client),
          ...text('client-name', agents[i]?.clientName),
          ...(one.external ? [{ name: 'external', valueBoolean: true }] : []),
          ...one.agent.roles.map((role) => ({ name: 'role', valueCode: role })),
          ...timesParts(one),
        ],
      })),
      ...patients.lines.map((one) => ({
        name: 'patient',
        part: [{ name: 'patient', valueReference: { reference: `Patient/${one.patient}` } }, ...timesParts(one)],
      })),
      ...(next === undefined ? [] : [{ name: 'next', valueUri: next }]),
    ],
  };
}

interface Deed {
  readonly kind: number;
  readonly action?: string | undefined;
  readonly deed: string | undefined;
  readonly type: string | undefined;
}

function deedParts({ kind, action, deed, type }: Deed): JsonObject[] {
  const name = kindOf(kind);
  return [
    { name: 'event', valueCode: name },
    { name: 'action', valueCode: action ?? kinds[name].action },
    ...text('deed', deed),
    ...(type === undefined ? [] : [{ name: 'type', valueCode: type }]),
  ];
}

function timesParts({ first, last, count, refused }: Times): JsonObject[] {
  return [
    { name: 'first', valueInstant: first },
    { name: 'last', valueInstant: last },
    { name: 'count', valueUnsignedInt: count },
    { name: 'refused', valueUnsignedInt: refused },
  ];
}
