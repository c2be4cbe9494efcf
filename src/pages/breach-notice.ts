/**
 * The draft of a notification to the supervisory authority, with the contents of Article 33(3) GDPR: nature, categories and
 * approximate numbers, contact, consequences, measures. What a log cannot know is marked as to be completed.
 */
import type { BreachData } from './breach-report.ts';
import { html, type Html } from './html.ts';
import { moment, numberText } from './report-document.ts';
import { thingWords } from './report-words.ts';
import type { Texts } from './texts/en.ts';

interface Part {
  readonly heading?: string;
  readonly lines: readonly string[];
}

function partsOf(texts: Texts, data: BreachData): Part[] {
  const { notice } = texts.reports;
  return [
    { lines: opening(texts, data) },
    { heading: notice.nature, lines: nature(texts, data) },
    { heading: notice.contact, lines: contact(texts, data) },
    { heading: notice.consequences, lines: [notice.complete(notice.consequencesMissing)] },
    { heading: notice.measures, lines: [notice.complete(notice.measuresMissing)] },
    { lines: [notice.evidence] },
  ];
}

function opening(texts: Texts, { head, aware, due, minutesLeft }: BreachData): string[] {
  const { notice } = texts.reports;
  const at = (instant: string): string => moment(texts, head, instant);
  return [
    notice.article,
    notice.controller(head.laboratory),
    notice.aware(at(aware)),
    ...(minutesLeft < 0
      ? [notice.late(at(due), at(head.made)), notice.complete(notice.reasons)]
      : [notice.due(at(due))]),
  ];
}

function nature(texts: Texts, data: BreachData): string[] {
  const { notice } = texts.reports;
  const number = (value: number): string => numberText(texts, value);
  const at = (instant: string): string => moment(texts, data.head, instant);
  const { first, last } = data;
  return [
    first === undefined || last === undefined ? notice.nothingHappened : notice.happened(at(first), at(last)),
    notice.events(number(data.events), number(data.refused)),
    notice.suspected(data.criteria.map(([name, value]) => `${name} ${value}`).join('; ')),
    notice.persons(number(data.persons)),
    notice.records(number(data.records)),
    ...byType(data).map(([type, records]) => `– ${notice.category(thingWords(texts, type), number(records))}`),
    notice.complete(notice.circumstances),
  ];
}

function byType({ categories }: BreachData): [string, number][] {
  const sums = new Map<string, number>();
  for (const { type, records } of categories) sums.set(type, (sums.get(type) ?? 0) + records);
  return [...sums];
}

function contact(texts: Texts, { officers }: BreachData): string[] {
  const { notice } = texts.reports;
  return [
    ...officers.map(({ name, email }) => notice.officer(name, email ?? '')),
    notice.complete(notice.contactMissing),
  ];
}

/** Plain text, to be put into the form of the authority. */
export function noticeText(texts: Texts, data: BreachData): string {
  const { notice } = texts.reports;
  const parts = partsOf(texts, data).map(({ heading, lines }) => [
    ...(heading === undefined ? [] : [heading]),
    ...lines,
  ]);
  return [[notice.draft], [notice.title], ...parts].map((lines) => lines.join('\n')).join('\n\n');
}

export function noticeHtml(texts: Texts, data: BreachData): Html {
  return html`<div class="draft">
    <p class="warning">${texts.reports.notice.draft}</p>
    ${partsOf(texts, data).map(
      ({ heading, lines }) =>
        html`${heading !== undefined && html`<h3>${heading}</h3>`} ${lines.map((line) => html`<p>${line}</p>`)}`,
    )}
  </div>`;
}
