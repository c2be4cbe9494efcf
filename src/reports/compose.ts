/** Resources → a report ready to be drawn. Pure. */
import type { JsonObject } from '../fhir/json.ts';
import { object, objects, text } from '../laboratory/terms.ts';
import { numberOf, collectedAt } from '../laboratory/specimen.ts';
import type { Gathered } from './gathered.ts';
import { told, words, type ReportLanguage, type Told } from './language.ts';
import type { Fact, ReportModel } from './model.ts';
import { sectionsOf } from './sections.ts';
import type { ReportTemplate } from './template.ts';
import { conceptText } from './value.ts';
import type { Words } from './words/en.ts';
import { clockOf, fromLeft, inDigits, inDirection, inOwnDirection, plain, timeText, type Digits } from './written.ts';

export interface Making {
  readonly languages: readonly ReportLanguage[];
  readonly digits: Digits;
  readonly zone: string;
  readonly template: ReportTemplate;
  /** The laboratory's name. */
  readonly laboratory: string;
  /** Where the report can be checked. */
  readonly address: string | undefined;
}

/** What the parts of a report are written with. */
export interface Pen {
  readonly languages: readonly Words[];
  readonly digits: Digits;
  readonly time: (instant: string | undefined) => string;
}

const provisional: ReadonlySet<string> = new Set([
  'registered',
  'preliminary',
  'partial',
  'entered-in-error',
  'cancelled',
]);

export function composeReport(gathered: Gathered, making: Making): ReportModel {
  const { template, digits, zone } = making;
  const languages = making.languages.map((one) => words[one]);
  const [first] = languages as [Words];
  const clock = clockOf(zone);
  const pen: Pen = { languages, digits, time: (instant) => fromLeft(inDigits(timeText(instant, clock), digits)) };
  const status = text(gathered.report['status']) ?? 'unknown';
  const say = (of: (one: Words) => string): Told => told(languages, of);
  const sections = sectionsOf(gathered, pen, template);
  const conclusion = plainOr(gathered.report['conclusion']);
  return {
    languages: making.languages,
    direction: first.direction,
    digits,
    title: say(({ title }) => title),
    letterhead: {
      name: inOwnDirection(plain(template.title ?? making.laboratory)),
      lines: template.lines,
      logo: template.logo,
    },
    status: { code: status, text: say(({ statuses }) => statuses[status] ?? status) },
    watermark: provisional.has(status) ? first.statuses[status]?.toLocaleUpperCase(first.locale) : undefined,
    patient: patientFacts(gathered, pen),
    order: orderFacts(gathered, pen),
    specimens: specimenTable(gathered, pen),
    columns: [
      { column: 'name', title: say(({ analyte }) => analyte) },
      ...template.columns.map((column) => ({ column, title: say((one) => one[column]) })),
    ],
    sections,
    conclusion:
      conclusion === undefined ? undefined : { title: say((one) => one.conclusion), text: inOwnDirection(conclusion) },
    people: peopleFacts(gathered, pen),
    legend: languages.flatMap((one) => [
      inDirection(one.legend, one.direction),
      ...(sections.some(({ rows }) => rows.some(({ critical }) => critical))
        ? [inDirection(one.criticalNote, one.direction)]
        : []),
    ]),
    footer: template.footer,
    identity: fromLeft(`DiagnosticReport/${String(gathered.report['id'])}`),
    page: told(languages, (one) => inDirection(one.page('{page}', '{pages}'), one.direction)).join(' · '),
    verify: making.address === undefined ? undefined : { address: making.address, told: say((one) => one.verify) },
  };
}

function plainOr(value: JsonObject[string] | undefined): string | undefined {
  const written = plain(text(value) ?? '');
  return written === '' ? undefined : written;
}

/** A name as people write it: the text, or given names and family name. */
export function nameOf(person: JsonObject | undefined): string {
  const { text: whole, family, given, prefix } = object(objects(person?.['name'])[0]);
  const list = (value: JsonObject[string] | undefined): string[] =>
    Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  return inOwnDirection(
    plain(text(whole) ?? [...list(prefix), ...list(given), text(family) ?? ''].filter((one) => one !== '').join(' ')),
  );
}

function facts(pen: Pen, of: readonly (readonly [(one: Words) => string, string])[]): Fact[] {
  return of.filter(([, value]) => value !== '').map(([name, value]) => ({ name: told(pen.languages, name), value }));
}

function patientFacts({ patient, report }: Gathered, pen: Pen): Fact[] {
  const person = patient ?? {};
  const gender = text(person['gender']);
  const identifiers = objects(person['identifier']).flatMap(({ value }) => text(value) ?? []);
  const fallback = plain(text(object(report['subject'])['display']) ?? '');
  return facts(pen, [
    [(one) => one.patient, nameOf(patient) || fallback],
    [(one) => one.born, fromLeft(inDigits(plain(text(person['birthDate']) ?? ''), pen.digits))],
    [
      (one) => one.sex,
      gender === undefined ? '' : told(pen.languages, ({ sexes }) => sexes[gender] ?? gender).join(' / '),
    ],
    [(one) => one.identifier, fromLeft(identifiers.slice(0, 3).map(plain).join(', '))],
  ]);
}

function orderFacts({ report, orders, requesters, people }: Gathered, pen: Pen): Fact[] {
  const authored = orders.flatMap(({ authoredOn }) => text(authoredOn) ?? []).sort()[0];
  // A number that we made up is of no use to people.
  const requisition = orders
    .flatMap(({ requisition: one }) => text(object(one)['value']) ?? [])
    .find((one) => !/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(one));
  return facts(pen, [
    [(one) => one.requester, [...new Set(requesters.map((one) => people.get(one) ?? ''))].filter(Boolean).join(', ')],
    [(one) => one.ordered, pen.time(authored)],
    [(one) => one.number, requisition === undefined ? '' : fromLeft(plain(requisition))],
    [(one) => one.reported, pen.time(text(report['issued']))],
  ]);
}

function specimenTable({ specimens }: Gathered, pen: Pen): ReportModel['specimens'] {
  const [first] = pen.languages as [Words];
  const heads = [
    (one: Words) => one.number,
    (one: Words) => one.material,
    (one: Words) => one.collected,
    (one: Words) => one.received,
  ].map((name) => told(pen.languages, name));
  const rows = specimens.map((specimen) => [
    fromLeft(plain(numberOf(specimen))),
    plain(
      text(objects(specimen['container'])[0]?.['description']) ??
        conceptText(object(specimen['type']), { words: first, coded: new Map() }),
    ),
    pen.time(collectedAt(specimen)),
    pen.time(text(specimen['receivedTime'])),
  ]);
  return { title: told(pen.languages, (one) => one.specimens), heads, rows };
}

function peopleFacts({ results, releasedBy, people }: Gathered, pen: Pen): Fact[] {
  const reviewers = [...results.values()].flatMap((one) =>
    objects(one['extension'])
      .filter(({ url }) => url === 'urn:makhbar:extension:reviewed-by')
      .flatMap(({ valueString }) => text(valueString) ?? []),
  );
  const named = (all: readonly string[]): string =>
    [...new Set(all.map((one) => people.get(one) ?? ''))].filter((one) => one !== '').join(', ');
  return facts(pen, [
    [(one) => one.reviewed, named(reviewers)],
    [(one) => one.released, named(releasedBy)],
  ]);
}
